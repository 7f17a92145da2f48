import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { ConsoleLogger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { RESOLVE } from '../../src/auth-methods/federation/federation.module';
import { LOGIN_TIME, LOGIN_TIME_MS } from '../../src/auth-methods/pipeline/login-time';
import { Clock } from '../../src/common/clock/clock';
import { hostNames, type Resolve } from '../../src/common/net/host-names';
import { LATCHKEY_DATA_SOURCE } from '../../src/database/connections/data-source-name';
import { InstallationService } from '../../src/installation/installation.service';
import type { LatchkeyExtras } from '../../src/latchkey.module';
import type { LatchkeyOptions } from '../../src/latchkey.options';
import { ChangeFeedService } from '../../src/change-feed/change-feed.service';
import { httpAdapter, type HttpSettings } from '../../src/server/http-adapter';
import { serverDocument } from '../../src/server/openapi';
import { configureServer, ServerModule } from '../../src/server/server';
import { ApiClient } from './api-client';
import { DocumentedAnswers } from './documented-answers';
import { Given } from './given';
import { TestClock } from '../../src/testing/test-clock';

/** Server and clients share one process here: when it is behind, that is no load the server is put under. */
const NEVER_BEHIND_MS = 60_000;

/** A Latchkey server on a database of its own, and everything a test wants of it. */
export interface TestLatchkey {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly dataSource: DataSource;
  readonly clock: TestClock;
  readonly authSecret: string;
  /** Everything logged so far, at every level. */
  readonly logs: string[];
  readonly anonymous: ApiClient;
  /** The instance admin of the first organization. */
  readonly admin: ApiClient;
  readonly given: Given;
  as(token: string): ApiClient;
  /** Changes something by hand in the database, and has this node learn of it as it would in a moment. */
  change(sql: string, parameters?: unknown[]): Promise<void>;
  stop(): Promise<void>;
}

interface Surroundings {
  /** False for a server that is not set up with a first organization. */
  readonly isBootstrapped?: boolean;
  readonly http?: HttpSettings;
  /** How the hosts of tenants' URLs are resolved. */
  readonly resolve?: Resolve;
  /** How long a login waits for its method. */
  readonly loginTimeMs?: number;
}

/** Starts a server, set up with a first organization. */
export async function startLatchkey(
  options: Partial<LatchkeyOptions & LatchkeyExtras> = {},
  { isBootstrapped = true, http = {}, resolve = hostNames(), loginTimeMs = LOGIN_TIME_MS }: Surroundings = {},
): Promise<TestLatchkey> {
  const logs: string[] = [];
  const clock = new TestClock();
  const authSecret = options.authSecret ?? randomBytes(48).toString('base64');
  const url = process.env.LATCHKEY_TEST_DATABASE!;
  // A clean-up that runs by itself, once a minute, would change what a test compares. Tests of clean-ups run them.
  const quiet = { migrate: 'never', maintenance: false } as const;
  const module = ServerModule.with({ database: { url }, authSecret, ...quiet, ...options });
  const testing = await Test.createTestingModule({ imports: [module] })
    .overrideProvider(Clock)
    .useValue(clock)
    .overrideProvider(RESOLVE)
    .useValue(resolve)
    .overrideProvider(LOGIN_TIME)
    .useValue(loginTimeMs)
    .setLogger(new CapturingLogger(logs))
    .compile();
  const app = testing.createNestApplication<NestFastifyApplication>(httpAdapter(NEVER_BEHIND_MS, http));
  configureServer(app, http);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const base = await app.getUrl();
  const documented = new DocumentedAnswers(serverDocument(app));
  const as = (token?: string) => new ApiClient(base, documented, token);
  const dataSource = app.get<DataSource>(getDataSourceToken(LATCHKEY_DATA_SOURCE));
  // The suites of a file share a database: each finds it as if nobody had set it up.
  if (isBootstrapped) await dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
  const tenant = isBootstrapped ? await app.get(InstallationService).initializeOnce('First Organization') : null;
  const admin = as(tenant?.accessToken);
  return {
    app,
    url: base,
    dataSource,
    clock,
    authSecret,
    logs,
    anonymous: as(),
    admin,
    given: new Given(admin, tenant?.organization.id ?? '', as),
    as,
    change: async (sql, parameters) => {
      await dataSource.query(sql, parameters);
      await app.get(ChangeFeedService).catchUp();
    },
    stop: () => app.close(),
  };
}

/** Keeps what would be printed. */
class CapturingLogger extends ConsoleLogger {
  constructor(private readonly logs: string[]) {
    super({ json: true, colors: false, logLevels: ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] });
  }

  protected override printAsJson(message: unknown, options: Parameters<ConsoleLogger['printAsJson']>[1]): void {
    this.logs.push(JSON.stringify({ message, ...options }));
  }
}
