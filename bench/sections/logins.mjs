import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { apiOf } from '../lib/bench.mjs';
import { show, table } from '../lib/figures.mjs';
import { RATE_HEAD, rateCells, ratio, takeTurns } from '../lib/rounds.mjs';

/** Of each round. */
const TURNS = 5;
/** Logins after which transactions are counted. */
const COUNTED = 500;
/** Statistics are written a second after the statement at the latest. */
const SETTLE_MS = 1_500;
const METHODS = ['universal-auth', 'jwt-auth', 'oidc-auth'];

/** Logins with a signed token, whose keys are known, beside those with a client secret. */
export async function logins(bench) {
  const issuer = await startIssuer();
  const host = await bench.start('latchkey', { OUTBOUND: '127.0.0.1/32' });
  const watch = await bench.connect('postgres');
  try {
    const requests = await requestsOf(bench, apiOf(host.url, bench.admin), issuer);
    const { rounds, seconds, warmUpSeconds } = bench.options;
    const contestants = METHODS.map((method) => ({
      server: host,
      job: () => ({ requests: { list: [requests[method]] } }),
    }));
    const results = await takeTurns(bench, contestants, { rounds, seconds, warmUpSeconds }, TURNS);
    const transactions = [];
    for (const method of METHODS) transactions.push(await transactionsOf(bench, watch, host, requests[method]));
    return report(bench, results, transactions);
  } finally {
    await watch.end();
    await bench.stop(host);
    issuer.server.close();
  }
}

function report({ options: { rounds, seconds } }, results, transactions) {
  const against = results.map((others, index) => (index === 0 ? '1' : ratio(others, results[0], 'perCpuSecond')));
  const rows = METHODS.map((method, index) => [
    method,
    ...rateCells(results[index]),
    show(transactions[index]),
    against[index],
  ]);
  const text = [
    '## Logins',
    `One identity for each method, on 50 connections; ${rounds} rounds of ${seconds} s, each in ${TURNS} turns. Tokens are signed with ES256, and ` +
      'the keys of the issuer are known. A transaction is one that reads, or the one that writes the token.',
    table(['method', ...RATE_HEAD, 'transactions/login', 'this / universal-auth, per CPU-second'], rows),
  ].join('\n\n');
  const reached = METHODS.slice(1).map((method, n) => [
    `transactions of a login with ${method}`,
    '2',
    show(transactions[n + 1]),
  ]);
  return { text, reached };
}

async function requestsOf({ organizationId }, api, { url, ca, key }) {
  const { identity } = await api.post('/api/v1/identities', { name: 'bench', organizationId, role: 'no-access' });
  const attach = (method, body = {}) => api.post(`/api/v1/auth/${method}/identities/${identity.id}`, body);
  const { identityUniversalAuth } = await attach('universal-auth');
  const secrets = `/api/v1/auth/universal-auth/identities/${identity.id}/client-secrets`;
  const { clientSecret } = await api.post(secrets);
  const bound = {
    boundIssuer: url,
    boundSubject: 'repo:acme/app:*',
    boundAudiences: 'latchkey',
    boundClaims: { ref: 'refs/heads/*' },
  };
  await attach('jwt-auth', { configurationType: 'jwks', jwksUrl: `${url}/jwks`, jwksCaCert: ca, ...bound });
  await attach('oidc-auth', { oidcDiscoveryUrl: url, caCert: ca, ...bound });
  const claims = { iss: url, sub: 'repo:acme/app:ref:refs/heads/main', aud: 'latchkey', ref: 'refs/heads/main' };
  const signed = new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'a' })
    .setIssuedAt()
    .setExpirationTime('2h');
  const token = { identityId: identity.id, jwt: await signed.sign(key) };
  const request = (method, body) => ({ method: 'POST', path: `/api/v1/auth/${method}/login`, body });
  return {
    'universal-auth': request('universal-auth', { clientId: identityUniversalAuth.clientId, clientSecret }),
    'jwt-auth': request('jwt-auth', token),
    'oidc-auth': request('oidc-auth', token),
  };
}

/** The transactions of one login. What goes on in the background is counted beside it, and taken off. */
async function transactionsOf({ generator }, watch, host, request) {
  const spent = async (work) => {
    const before = await commits(watch);
    const startedAt = Date.now();
    await work();
    await pause(SETTLE_MS);
    return { count: (await commits(watch)) - before, ms: Date.now() - startedAt };
  };
  const busy = await spent(() => generator.run({ url: host.url, requests: { list: [request] }, total: COUNTED }));
  const idle = await spent(() => pause(SETTLE_MS));
  return (busy.count - (idle.count * busy.ms) / idle.ms) / COUNTED;
}

async function commits(watch) {
  const { rows } = await watch.query(
    "SELECT xact_commit::int AS count FROM pg_stat_database WHERE datname = 'latchkey'",
  );
  return rows[0].count;
}

/** An issuer on the loopback interface, under a certificate of its own. */
async function startIssuer() {
  const { cert, tlsKey } = certificate();
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'ES256' }] };
  const server = createServer({ cert, key: tlsKey }, ({ url: asked }, response) => {
    response.end(JSON.stringify(asked === '/jwks' ? jwks : { issuer: url, jwks_uri: `${url}/jwks` }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${server.address().port}`;
  return { server, url, ca: cert, key: privateKey };
}

function certificate() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'latchkey-bench-issuer-'));
  try {
    const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
    const subject = ['-subj', '/CN=issuer', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    const kind = ['-x509', '-nodes', '-newkey', 'rsa:2048', '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', ...kind, ...subject], { stdio: 'ignore' });
    return { cert: readFileSync(cert, 'utf8'), tlsKey: readFileSync(key, 'utf8') };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
