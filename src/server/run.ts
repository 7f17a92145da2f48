import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Tenant } from '../organizations/organization.founder';
import { type LatchkeyOptions, LatchkeySettings } from '../latchkey.options';
import type * as Application from './application';
import type { DataDirectory } from './data-directory';
import { isRunByNpm, logLevels, readEnvironment, remarksOn } from './environment';
import { type Environment, optionsIn } from './environment-table';
import { type Home, openHome } from './home';
import { HttpConnections, mostConnections } from './http-connections';
import { requireFreePorts } from './free-port';
import { watchParent } from './parent';
import { surviveFaults } from './process-faults';
import { ServerLogger } from './server-logger';
import { Shutdown } from './shutdown';

export const FIRST_ORGANIZATION = 'Default Organization';

/** How a command writes its output. */
export interface Output {
  readonly say: (text: string) => void;
  /** Waits until the output was taken, up to a limit. */
  readonly flush: (limitMs: number) => Promise<void>;
}

/** Time for requests that have begun to arrive when the server is told to stop. */
const LAST_REQUESTS_MS = 1_000;
/** The share of the shutdown time for requests in flight. The rest is for writing uses and closing connections. */
const SHARE_OF_REQUESTS = 0.5;
/** The same after a second signal. */
const HURRIED_REQUESTS_MS = 300;

/** Loads the application, which takes longer than everything that can be refused before. */
export const loadApplication = (): Promise<typeof Application> => import('./application.js');

/** Starts the server and prints its address. It ends when it is asked to. */
export async function serve({ say, flush }: Output): Promise<void> {
  const environment = readEnvironment();
  // Checked before anything is begun: the first start shows a token once, and must not end right afterwards.
  await requireFreePorts(environment);
  const logger = new ServerLogger(logLevels(environment));
  for (const message of remarksOn(environment)) logger.warn({ event: 'settings.no_effect', message });
  await withServer(environment, flush, async (app, home, shutdown) => {
    const { AdministratorWatchService, DOCS_PATH } = await loadApplication();
    const tenant = home.directory ? await setUp(app, home.directory) : null;
    await letGoOfClients(app, environment, shutdown);
    await app.listen({ host: environment.HOST, port: environment.PORT });
    app.get(AdministratorWatchService).watch();
    const metrics = await exposeMetrics(app, environment, shutdown);
    const url = await app.getUrl();
    const ui = environment.LATCHKEY_CONSOLE ? `${url}/console` : undefined;
    say(banner({ api: `${url}/api`, docs: `${url}/${DOCS_PATH}`, ui, metrics }, home.directory, tenant));
  });
}

/** The URL of the metrics, if they are asked for. They end last, so that a shutdown can be watched. */
async function exposeMetrics(
  app: NestFastifyApplication,
  { LATCHKEY_METRICS_HOST: host, LATCHKEY_METRICS_PORT: port }: Environment,
  shutdown: Shutdown,
): Promise<string | undefined> {
  if (port === undefined) return undefined;
  const { MetricsServer } = await loadApplication();
  const metrics = new MetricsServer(app);
  const url = await metrics.listen({ host, port });
  shutdown.addLast('metrics', () => metrics.close());
  return url;
}

/** A failure leaves nothing behind: first the application lets go of the database, then the database ends. */
async function withServer(
  environment: Environment,
  flush: Output['flush'],
  act: (app: NestFastifyApplication, home: Home, shutdown: Shutdown) => Promise<void>,
): Promise<void> {
  const { LATCHKEY_SHUTDOWN_TIMEOUT_MS: limitMs, LATCHKEY_DRAIN_MS: drainMs } = environment;
  const shutdown = new Shutdown(limitMs + drainMs, flush);
  shutdown.obeySignals();
  surviveFaults(shutdown);
  if (isRunByNpm()) watchParent(() => void shutdown.begin('npm has ended'));
  // Lines before the application exists are logged in the same way.
  Logger.overrideLogger(new ServerLogger(logLevels(environment)));
  try {
    const home = await openHome(environment);
    shutdown.add('database', () => home.release());
    const { createServer } = await loadApplication();
    const app = await createServer(optionsOf(environment, home), environment);
    shutdown.add('server', () => app.close());
    await act(app, home, shutdown);
  } catch (error) {
    // The server was asked to end while it started, and does so. Failures on the way are not reported.
    if (shutdown.isUnderWay) return;
    await shutdown.closeAll();
    throw error;
  }
}

/** When told to stop, the server waits only for requests in flight, up to a limit. */
async function letGoOfClients(
  app: NestFastifyApplication,
  environment: Environment,
  shutdown: Shutdown,
): Promise<void> {
  const { ReadinessService } = await loadApplication();
  const { poolSize, gatePoolSize } = app.get(LatchkeySettings);
  const connections = new HttpConnections(app.getHttpServer(), mostConnections(poolSize + 2 * gatePoolSize + 2));
  const letGo = (limitMs: number) => {
    setTimeout(() => connections.closeUnasked(), Math.min(LAST_REQUESTS_MS, limitMs)).unref();
    setTimeout(() => connections.closeAll(), limitMs).unref();
  };
  shutdown.add('requests', () => letGo(environment.LATCHKEY_SHUTDOWN_TIMEOUT_MS * SHARE_OF_REQUESTS));
  shutdown.onHurry(() => letGo(HURRIED_REQUESTS_MS));
  letBalancersKnow(app.get(ReadinessService, { strict: false }), environment, shutdown);
}

/** When a supervisor ends the server, it waits until load balancers can have noticed. After Ctrl-C it does not wait. */
function letBalancersKnow(readiness: Application.ReadinessService, environment: Environment, shutdown: Shutdown): void {
  shutdown.add('drain', (reason) => readiness.drain(reason === 'SIGTERM' ? environment.LATCHKEY_DRAIN_MS : 0));
  shutdown.onHurry(() => readiness.hurry());
}

export function optionsOf(environment: Environment, { url, authSecret }: Home): LatchkeyOptions {
  const { database, ...options } = optionsIn(environment);
  return { ...options, authSecret, database: { ...database, url } };
}

/**
 * The first start founds an organization. The file is written before the commit: a token that was not written would be lost.
 */
async function setUp(app: NestFastifyApplication, directory: DataDirectory): Promise<Tenant | null> {
  const { InstallationService } = await loadApplication();
  const instance = app.get(InstallationService);
  const tenant = await instance.initializeOnce(FIRST_ORGANIZATION, ({ organization, identity, accessToken }) => {
    directory.record.requireNotSetUp();
    directory.writeBootstrap({ organizationId: organization.id, identityId: identity.id, accessToken });
  });
  directory.record.noteSetUp();
  return tenant;
}

interface Addresses {
  readonly api: string;
  readonly docs: string;
  /** Undefined without the console. */
  readonly ui: string | undefined;
  readonly metrics: string | undefined;
}

function banner(
  { api, docs, ui, metrics }: Addresses,
  directory: DataDirectory | undefined,
  tenant: Tenant | null,
): string {
  const lines = ['', 'Latchkey is up.', '', `  API           ${api}`, `  Swagger UI    ${docs}`];
  if (ui !== undefined) lines.push(`  Console       ${ui}`);
  if (metrics !== undefined) lines.push(`  Metrics       ${metrics}`);
  if (tenant) lines.push(credentials(tenant), '', 'The token is shown only now.');
  if (directory) lines.push('', `Credentials of the first start: ${directory.bootstrapFile}`);
  return [...lines, ''].join('\n');
}

export function credentials({ organization, identity, accessToken }: Tenant): string {
  return [
    `  Organization  ${organization.id}`,
    `  Identity      ${identity.id}`,
    `  Token         ${accessToken}`,
  ].join('\n');
}
