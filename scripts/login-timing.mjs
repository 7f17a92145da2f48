// Whether the time a refused login takes tells that its client exists: `node scripts/login-timing.mjs [pairs]`.
// Pairs of guesses, one at a known client and one at an unknown, in random order; and pairs of known ones, as a control. Printed
// is how often the first of each was the slower one: half of the time, give or take what chance allows.
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { NestFactory } = require('@nestjs/core');
const { FastifyAdapter } = require('@nestjs/platform-fastify');
const { LatchkeyModule } = require('../dist/src/index.js');
const { startEmbeddedPostgres } = require('../dist/src/embedded-postgres/embedded-postgres.js');

const PAIRS = Number(process.argv[2] ?? 3000);
const GUESSES_PER_CLIENT = 2; // one below the threshold: none is locked
const LONG_LIST = Array.from({ length: 255 }, (_, n) => ({ ipAddress: `10.0.${n}.0/24` })).concat({
  ipAddress: '::/0',
});

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
function post(url, body, token) {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  if (token) headers.authorization = `Bearer ${token}`;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk) => (answer += chunk));
      response.on('end', () =>
        resolve({ ms: performance.now() - startedAt, status: response.statusCode, body: JSON.parse(answer) }),
      );
    });
    request.on('error', reject).end(text);
  });
}

const dir = mkdtempSync(path.join(os.tmpdir(), 'latchkey-timing-'));
chmodSync(dir, 0o755); // the account that runs PostgreSQL must be able to look inside
const postgres = await startEmbeddedPostgres({ dir: path.join(dir, 'postgres') });
class AppModule {}
Reflect.defineMetadata(
  'imports',
  [
    LatchkeyModule.forRoot({
      database: { url: postgres.url },
      authSecret: randomBytes(48).toString('base64'),
      bootstrapEndpoint: true,
    }),
  ],
  AppModule,
);
const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error'] });
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();

const founded = await post(`${url}/api/v1/admin/bootstrap`, {
  email: 'timing@example.com',
  password: randomBytes(24).toString('hex'),
  organization: 'Timing',
});
const admin = founded.body.identity.credentials.token;
const organizationId = founded.body.organization.id;

async function newClient(policy) {
  const made = await post(`${url}/api/v1/identities`, { name: 'timing', organizationId, role: 'no-access' }, admin);
  const { id } = made.body.identity;
  const attached = await post(`${url}/api/v1/auth/universal-auth/identities/${id}`, policy, admin);
  return attached.body.identityUniversalAuth.clientId;
}

async function guess(clientId) {
  const sent = { clientId, clientSecret: randomBytes(32).toString('hex') };
  const { ms, status, body } = await post(`${url}/api/v1/auth/universal-auth/login`, sent);
  if (status !== 401) throw new Error(`${status} ${JSON.stringify(body)}`);
  return ms;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Pairs of guesses at what `first` and `second` make. */
async function compare(what, first, second, guesses, pairs = PAIRS) {
  const times = { first: [], second: [] };
  let slower = 0;
  let one;
  let other;
  for (let n = 0; n < pairs; n += 1) {
    if (n % guesses === 0) [one, other] = [await first(), await second()];
    let pair;
    if (Math.random() < 0.5) {
      const ms = await guess(one);
      pair = [ms, await guess(other)];
    } else {
      const ms = await guess(other);
      pair = [await guess(one), ms];
    }
    if (n < 50) continue; // warming up
    times.first.push(pair[0]);
    times.second.push(pair[1]);
    if (pair[0] > pair[1]) slower += 1;
  }
  const counted = times.first.length;
  const share = (100 * slower) / counted;
  const chance = 196 * Math.sqrt(0.25 / counted);
  const difference = (median(times.first) - median(times.second)) * 1000;
  console.log(
    `${what}: slower in ${share.toFixed(1)} % of ${counted} pairs (chance: 50 ± ${chance.toFixed(1)}), ` +
      `medians ${median(times.first).toFixed(2)} and ${median(times.second).toFixed(2)} ms, ` +
      `apart by ${difference.toFixed(0)} µs`,
  );
}

try {
  const known = () => newClient({});
  const busy = () => newClient({ clientSecretTrustedIps: LONG_LIST });
  const unknown = async () => {
    await newClient({}); // as much goes on beforehand
    return randomUUID();
  };
  await compare('control, known and known', known, known, GUESSES_PER_CLIENT);
  await compare('known and unknown', known, unknown, GUESSES_PER_CLIENT);
  await compare('known with 256 networks, and unknown', busy, unknown, GUESSES_PER_CLIENT);
  await compare('locked and unknown, locked', known, unknown, Infinity);
} finally {
  agent.destroy();
  await app.close();
  await postgres.stop();
  rmSync(dir, { recursive: true, force: true });
}
