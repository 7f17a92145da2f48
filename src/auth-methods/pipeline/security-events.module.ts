import { type DynamicModule, Global, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { isObject } from '../../common/option-rules';
import { SecurityEvents } from './security-events';

/** The class that receives the security events. It extends `SecurityEvents`, and Nest creates it. */
export interface SecurityEventsOption {
  readonly useClass: Type<SecurityEvents>;
  /**
   * The modules that provide the parameters of its constructor.
   * @default []
   */
  readonly imports?: ModuleMetadata['imports'];
}

/** Provides `SecurityEvents`, to Latchkey and to its host. */
@Global()
@Module({})
export class SecurityEventsModule {
  static with({ useClass, imports }: SecurityEventsOption): DynamicModule {
    const providers = [{ provide: SecurityEvents, useClass }];
    return { module: SecurityEventsModule, imports, providers, exports: [SecurityEvents] };
  }
}

/** Whether a value is a valid `SecurityEventsOption`. */
export function isSecurityEventsOption(option: unknown): boolean {
  if (!isObject(option)) return false;
  const { useClass, imports = [], ...rest } = option;
  const isSound = typeof useClass === 'function' && (useClass === SecurityEvents || extendsIt(useClass));
  return isSound && Array.isArray(imports) && Object.keys(rest).length === 0;
}

// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- only its prototype is looked at
function extendsIt(useClass: Function): boolean {
  return useClass.prototype instanceof SecurityEvents;
}
