// What all sections share: the database, the generator, a Latchkey host, and somebody who may manage it.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { bearer, Connection, requestText } from './connection.mjs';
import { startGenerator, startServer } from './processes.mjs';

const requireBuilt = (file) => createRequire(import.meta.url)(`../../dist/src/${file}`);
const { startEmbeddedPostgres } = requireBuilt('embedded-postgres/embedded-postgres.js');

export async function setUp(options) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'latchkey-bench-'));
  // The account that runs PostgreSQL must be able to look inside.
  chmodSync(dir, 0o755);
  const postgres = await startEmbeddedPostgres({ dir: path.join(dir, 'postgres') });
  const secret = randomBytes(48).toString('base64');
  const env = { DATABASE_URL: postgres.url, SECRET: secret };
  const started = [];
  const bench = {
    options,
    postgres,
    secret,
    /** Answers nobody expected. */
    faults: [],
    generator: startGenerator(),
    start: async (name, more = {}, nodeArgs = []) => {
      const server = await startServer(name, { ...env, ...more }, nodeArgs);
      started.push(server);
      return server;
    },
    stop: async (server) => {
      started.splice(started.indexOf(server), 1);
      await server.stop();
    },
    /** A connection of its own. To another database than the one that is watched, so that watching is not counted. */
    connect: async (database = 'latchkey') => {
      const client = new pg.Client({ connectionString: databaseUrl(postgres.url, database) });
      await client.connect();
      return client;
    },
    databaseUrl: (database) => databaseUrl(postgres.url, database),
    /** A part of the build that no package exports. */
    requireBuilt,
    tearDown: async () => {
      bench.generator.stop();
      await Promise.allSettled(started.map((server) => server.stop()));
      await bench.sql?.end();
      await postgres.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    bench.host = await bench.start(
      'latchkey',
      {},
      options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`] : [],
    );
    bench.sql = await bench.connect();
    const founded = await apiOf(bench.host.url, 'none').post('/api/v1/admin/bootstrap', {
      email: 'bench@example.com',
      password: randomBytes(24).toString('hex'),
      organization: 'Bench',
    });
    bench.organizationId = founded.organization.id;
    bench.admin = founded.identity.credentials.token;
    bench.api = apiOf(bench.host.url, bench.admin);
  } catch (error) {
    await bench.tearDown();
    throw error;
  }
  return bench;
}

function databaseUrl(url, database) {
  return url.replace(/\/latchkey\?/, `/${database}?`);
}

/** Calls the API as somebody. */
export function apiOf(url, token) {
  const call = async (method, path, body) => {
    const connection = new Connection(url);
    const answer = await connection.request(requestText({ method, path, headers: bearer(token), body }));
    connection.close();
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  };
  return { get: (path) => call('GET', path), post: (path, body = {}) => call('POST', path, body) };
}

/** An identity with token auth, and a first token. */
export async function identityWithToken({ api, organizationId }, policy = {}) {
  const { identity } = await api.post('/api/v1/identities', { name: 'bench', organizationId, role: 'no-access' });
  await api.post(`/api/v1/auth/token-auth/identities/${identity.id}`, policy);
  const issued = await api.post(`/api/v1/auth/token-auth/identities/${identity.id}/tokens`, { name: 'first' });
  return { identityId: identity.id, accessToken: issued.accessToken, tokenId: issued.tokenData.id };
}
