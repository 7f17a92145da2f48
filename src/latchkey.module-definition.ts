import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { LatchkeyOptions } from './latchkey.options';

/** `forRoot` and `forRootAsync` of Latchkey, and the token under which its options are injected. */
export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: LATCHKEY_OPTIONS,
  OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<LatchkeyOptions>({ moduleName: 'Latchkey' }).setClassMethodName('forRoot').build();
