import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Clock } from './common/clock/clock';
import { isSlowToConnect } from './common/errors/database-errors';
import { LATCHKEY_DATA_SOURCE } from './database/data-source-name';
import { servingOptions } from './database/data-source-options';
import { migrate } from './database/migrator';
import { ConfigurableModuleClass, LATCHKEY_OPTIONS } from './latchkey.module-definition';
import { type LatchkeyOptions, LatchkeySettings } from './latchkey.options';

/** What there is one of: settings, clock, data source. */
@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      name: LATCHKEY_DATA_SOURCE,
      inject: [LatchkeySettings],
      useFactory: async (settings: LatchkeySettings) => {
        if (settings.migrate === 'on-start') await migrate(settings.databaseUrl);
        // A database that is not there stops the start at once, with its reason; whoever started us decides on a retry. One
        // that is slow is waited for: the deadline is meant for requests.
        const patience = { retryAttempts: 10, retryDelay: 500, toRetry: isSlowToConnect };
        return { ...servingOptions(settings.databaseUrl, settings.poolSize), ...patience };
      },
      dataSourceFactory: (options) => new DataSource(options as DataSourceOptions).initialize(),
    }),
  ],
  providers: [
    Clock,
    {
      provide: LatchkeySettings,
      inject: [LATCHKEY_OPTIONS],
      useFactory: (options: LatchkeyOptions) => new LatchkeySettings(options),
    },
  ],
  exports: [Clock, LatchkeySettings, TypeOrmModule],
})
export class LatchkeyCoreModule extends ConfigurableModuleClass {}
