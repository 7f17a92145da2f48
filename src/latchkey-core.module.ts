import { Global, Module } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Clock } from './common/clock/clock';
import { isSlowToConnect, isUnreadable } from './common/errors/database-errors';
import { LATCHKEY_DATA_SOURCE } from './database/connections/data-source-name';
import { requestDataSourceOptions } from './database/connections/data-source-options';
import { requireFit, requireRights } from './database/fitness';
import { VerificationPools } from './database/connections/verification-pools';
import { InstanceStore } from './database/instance.store';
import { ListReads } from './database/list-reads';
import { migrate, missingMigrations } from './database/migrator';
import { DEFAULT_SCHEMA } from './database/schema';
import { RequestConnectionsService } from './database/connections/request-connections';
import { ConfigurableModuleClass, LATCHKEY_OPTIONS } from './latchkey.module-definition';
import { type LatchkeyOptions, LatchkeyOptionsError, LatchkeySettings } from './latchkey.options';

/** The parts that exist once: settings, clock, data source. */
@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      name: LATCHKEY_DATA_SOURCE,
      inject: [LatchkeySettings, RequestConnectionsService],
      useFactory: async (settings: LatchkeySettings, connections: RequestConnectionsService) => {
        if (settings.migrate === 'on-start') await migrate(settings.connection, settings.schema);
        // If the database is away, the start fails at once, with the reason; the operator decides on a retry. If it is slow,
        // the start waits: the time limit is meant for requests.
        const patience = { retryAttempts: 10, retryDelay: 500, toRetry: isSlowToConnect };
        // @nestjs/typeorm 11 finds the data source it is to close by the name in its options.
        return { name: LATCHKEY_DATA_SOURCE, ...requestDataSourceOptions(settings, connections), ...patience };
      },
      dataSourceFactory: (options) => connect(options as DataSourceOptions),
    }),
  ],
  providers: [
    Clock,
    InstanceStore,
    RequestConnectionsService,
    {
      provide: LatchkeySettings,
      inject: [LATCHKEY_OPTIONS],
      useFactory: (options: LatchkeyOptions) => new LatchkeySettings(options),
    },
    {
      provide: VerificationPools,
      // Runs after the data source exists: then the schema is up to date.
      inject: [LatchkeySettings, RequestConnectionsService, getDataSourceToken(LATCHKEY_DATA_SOURCE)],
      useFactory: (settings: LatchkeySettings, connections: RequestConnectionsService) =>
        new VerificationPools(settings, connections),
    },
    {
      provide: ListReads,
      inject: [getDataSourceToken(LATCHKEY_DATA_SOURCE), LatchkeySettings],
      useFactory: (dataSource: DataSource, { poolSize }: LatchkeySettings) => new ListReads(dataSource, poolSize),
    },
  ],
  exports: [
    Clock,
    InstanceStore,
    VerificationPools,
    LatchkeySettings,
    ListReads,
    RequestConnectionsService,
    TypeOrmModule,
  ],
})
export class LatchkeyCoreModule extends ConfigurableModuleClass {}

/** @throws LatchkeyOptionsError when the tables are not those that this version needs. After a migration at start, they are. */
async function connect(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new DataSource(options).initialize();
  try {
    const { schema = DEFAULT_SCHEMA } = options as { schema?: string };
    await requireFit(dataSource, schema, false);
    await requireRights(dataSource, schema);
    await requireReadable(dataSource);
    const missing = await missingMigrations(dataSource);
    if (missing === 0) return dataSource;
    const remedy = "run migrateLatchkey first, or say 'on-start'";
    throw new LatchkeyOptionsError([
      `migrate must not be 'never' while the database lacks ${missing} migrations: ${remedy}`,
    ]);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** Checked at the start, so that a node does not start when it could only refuse. @throws LatchkeyOptionsError */
async function requireReadable(dataSource: DataSource): Promise<void> {
  try {
    await dataSource.query("SELECT now(), true, '{}'::jsonb, ARRAY[gen_random_uuid()], '\\x00'::bytea");
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    throw new LatchkeyOptionsError([
      `database answers values in a form that cannot be read (${(error as Error).message}): set DateStyle to ISO for its role, and have a pooler pass on the settings of its clients`,
    ]);
  }
}
