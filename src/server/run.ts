import { parseArgs } from 'node:util';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { FutureRecallError, TokenRecall } from '../access-tokens/recall.service';
import { InstanceService } from '../instance/instance.service';
import type { Tenant } from '../instance/tenant-founder.service';
import type { LatchkeyOptions } from '../latchkey.options';
import type { DataDirectory } from './data-directory';
import { type Environment, readEnvironment } from './environment';
import { type Home, openHome } from './home';
import { DOCS_PATH } from './openapi';
import { requireFreePort } from './free-port';
import { createServer } from './server';
import { StartError } from './start-error';

const FIRST_ORGANIZATION = 'Default Organization';

/** Starts the server and says where it is. It ends on SIGTERM or SIGINT. */
export async function serve(say: (text: string) => void): Promise<void> {
  const environment = readEnvironment();
  // Before anything is begun: the first start shows a token once, and must not end right after.
  await requireFreePort(environment);
  await withServer(environment, async (app, home) => {
    const tenant = home.directory ? await setUp(app, home.directory) : null;
    await app.listen({ host: environment.HOST, port: environment.PORT });
    endOnSignal(app, home);
    say(banner(await app.getUrl(), home.directory, tenant));
  });
}

/** Sets up the operator's own database from the command line, instead of through the endpoint. */
export async function bootstrap(say: (text: string) => void): Promise<void> {
  await withServer(readEnvironment(), async (app, home) => {
    const tenant = await app.get(InstanceService).initializeOnce(FIRST_ORGANIZATION);
    say(tenant ? credentials(tenant) : 'This installation has been set up before.');
    await app.close();
    await home.release();
  });
}

/** Refuses every token issued before the time that is named, on every node: after a restore, or a leak that cannot be told. */
export async function refuseIssuedBefore(say: (text: string) => void): Promise<void> {
  const { before, includesClientSecrets } = recallAsked(process.argv.slice(3));
  await withServer(readEnvironment(), async (app, home) => {
    const { tokensBefore, clientSecretsBefore, spread } = await app
      .get(TokenRecall)
      .refuseIssuedBefore(before, includesClientSecrets)
      .catch((error: unknown) => {
        throw error instanceof FutureRecallError ? new StartError(error.message) : error;
      });
    say(`Tokens issued before ${tokensBefore?.toISOString()} are refused.`);
    if (clientSecretsBefore) say(`Client secrets issued before ${clientSecretsBefore.toISOString()} are refused.`);
    if (spread.pending.length > 0)
      say(`Not confirmed by ${spread.pending.join(', ')}, which answer nothing from memory.`);
    await app.close();
    await home.release();
  });
}

const RECALL_USAGE =
  'Say a time with its zone: npm run refuse-issued-before -- 2030-01-31T12:00:00Z [--client-secrets]';

function recallAsked(words: string[]): { before: Date; includesClientSecrets: boolean } {
  const { values, positionals } = parsedRecall(words);
  const [time = ''] = positionals;
  const before = new Date(time);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(time);
  if (positionals.length !== 1 || !isTime || Number.isNaN(before.getTime())) throw new StartError(RECALL_USAGE);
  return { before, includesClientSecrets: values['client-secrets'] ?? false };
}

function parsedRecall(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { 'client-secrets': { type: 'boolean' } } });
  } catch {
    throw new StartError(RECALL_USAGE);
  }
}

/** Whatever fails leaves nothing behind: first the application lets go of the database, then the database ends. */
async function withServer(
  environment: Environment,
  act: (app: NestFastifyApplication, home: Home) => Promise<void>,
): Promise<void> {
  const home = await openHome(environment);
  let app: NestFastifyApplication | undefined;
  try {
    app = await createServer(optionsOf(environment, home), environment);
    await act(app, home);
  } catch (error) {
    await app?.close();
    await home.release();
    throw error;
  }
}

function optionsOf(environment: Environment, home: Home): LatchkeyOptions {
  const { LATCHKEY_PUSH_URL: pushUrl } = environment;
  return {
    database: {
      url: home.url,
      poolSize: environment.LATCHKEY_POOL_SIZE,
      pushUrl: pushUrl === 'off' ? false : pushUrl,
    },
    revocationBoundMs: environment.LATCHKEY_REVOCATION_BOUND_MS,
    cacheEntries: environment.LATCHKEY_CACHE_ENTRIES,
    usageFlushIntervalMs: environment.LATCHKEY_USAGE_FLUSH_INTERVAL_MS,
    authSecret: home.authSecret,
    previousAuthSecrets: environment.LATCHKEY_PREVIOUS_AUTH_SECRETS,
    trustedProxies: environment.LATCHKEY_TRUSTED_PROXIES,
    maxTokenAgeSeconds: environment.LATCHKEY_MAX_TOKEN_AGE,
    bootstrapEndpoint: environment.LATCHKEY_BOOTSTRAP_ENDPOINT === 'true',
  };
}

/** The first start founds an organization. The file is written before the commit: a token nobody has seen would be lost. */
function setUp(app: NestFastifyApplication, directory: DataDirectory): Promise<Tenant | null> {
  return app.get(InstanceService).initializeOnce(FIRST_ORGANIZATION, ({ organization, identity, accessToken }) => {
    directory.writeBootstrap({ organizationId: organization.id, identityId: identity.id, accessToken });
  });
}

function banner(url: string, directory: DataDirectory | undefined, tenant: Tenant | null): string {
  const lines = ['', 'Latchkey is up.', '', `  API           ${url}/api`, `  Swagger UI    ${url}/${DOCS_PATH}`];
  if (tenant) lines.push(credentials(tenant), '', 'The token is shown only now.');
  if (directory) lines.push('', `Credentials of the first start: ${directory.bootstrapFile}`);
  return [...lines, ''].join('\n');
}

function credentials({ organization, identity, accessToken }: Tenant): string {
  return [
    `  Organization  ${organization.id}`,
    `  Identity      ${identity.id}`,
    `  Token         ${accessToken}`,
  ].join('\n');
}

function endOnSignal(app: NestFastifyApplication, home: Home): void {
  let isEnding = false;
  const end = async () => {
    // Asked twice, the first time is still being obeyed.
    if (isEnding) return;
    isEnding = true;
    await app.close();
    await home.release();
    process.exit(0);
  };
  process.on('SIGTERM', () => void end());
  process.on('SIGINT', () => void end());
}
