import { createRequire } from 'node:module';
import { bearer } from '../lib/connection.mjs';
import { identityWithToken } from '../lib/bench.mjs';
import { table } from '../lib/figures.mjs';
import { RATE_HEAD, rateCells, ratio, takeTurns } from '../lib/rounds.mjs';
import { insertTokens, tokenId, tokenSeries } from '../lib/tokens.mjs';

const { ShortKeyring } = createRequire(import.meta.url)('../../dist/src/access-tokens/issuing/short-key.keyring.js');

const TOKENS = 500;
const PREFIX = 'bench_live_';
/** Of each round. */
const TURNS = 5;

/** Short keys beside JWTs of the same identity, in the same process, and beside the keys of another product. */
export async function shortKeys(bench) {
  const host = await bench.start('latchkey', { KEYS: PREFIX });
  await bench.sql.query('CREATE DATABASE better_auth_keys');
  const env = { DATABASE_URL: bench.databaseUrl('better_auth_keys'), TOKENS: String(TOKENS) };
  const rival = await bench.start('better-auth', env);
  const { jwts, keys } = await bothKinds(bench);
  const subjects = {
    'short keys': [host, keys],
    'JWTs, in the same process': [host, jwts],
    'Fastify + @better-auth/api-key': [rival, rival.requests],
  };
  const names = Object.keys(subjects);
  const contestants = Object.values(subjects).map(([server, list]) => ({
    server,
    job: () => ({ requests: { list } }),
  }));
  const { rounds, seconds, warmUpSeconds } = bench.options;
  const results = await takeTurns(bench, contestants, { rounds, seconds, warmUpSeconds }, TURNS);
  for (const server of [host, rival]) await bench.stop(server);
  const against = (key) => results.map((others, index) => (index === 0 ? '1' : ratio(results[0], others, key)));
  const [perSecond, perCpuSecond] = [against('perSecond'), against('perCpuSecond')];
  const rows = names.map((name, index) => [name, ...rateCells(results[index]), perSecond[index], perCpuSecond[index]]);
  const text = [
    '## A whole request, with a short key',
    `GET on 50 connections, ${TOKENS} keys in turn, all known; ${rounds} rounds of ${seconds} s, each in ${TURNS} turns.`,
    table(['what', ...RATE_HEAD, 'short keys / this, requests/s', 'per CPU-second'], rows),
  ].join('\n\n');
  return {
    text,
    reached: [
      ['requests/s with short keys, divided by those with JWTs', '≥ 1', perSecond[1]],
      ['requests/s with short keys, divided by those of @better-auth/api-key', '≥ 15', perSecond[2]],
    ],
  };
}

async function bothKinds(bench) {
  const sample = await identityWithToken(bench);
  const from = 3e12;
  await insertTokens(bench.sql, { sampleId: sample.tokenId, from, to: from + 2 * TOKENS - 1 });
  const { genuine } = tokenSeries(sample.accessToken, bench.secret);
  const numbers = Array.from({ length: TOKENS }, (_, index) => from + index);
  const keyring = new ShortKeyring({
    authSecrets: [bench.secret],
    keys: { prefix: PREFIX, previousPrefixes: [], imported: [] },
  });
  const made = numbers.map((n) => ({ id: tokenId(n + TOKENS), ...keyring.make() }));
  for (const { id, hash } of made) {
    await bench.sql.query('UPDATE latchkey.identity_access_tokens SET key_hash = $2 WHERE id = $1', [id, hash]);
  }
  const request = (token) => ({ path: '/report', headers: bearer(token) });
  return { jwts: numbers.map((n) => request(genuine(n))), keys: made.map(({ text }) => request(text)) };
}
