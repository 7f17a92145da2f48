import { bearer } from '../lib/connection.mjs';
import { identityWithToken } from '../lib/bench.mjs';
import { insertTokens, tokenId, tokenSeries } from '../lib/tokens.mjs';
import { RATE_HEAD, rateCells, ratio, takeTurns } from '../lib/rounds.mjs';
import { table } from '../lib/figures.mjs';

const TOKENS = 500;
/** Of each round. */
const TURNS = 5;

/** `TOKENS` tokens of one identity, as requests for the guarded route. */
export async function warmRequests(bench) {
  if (bench.warm) return bench.warm;
  const sample = await identityWithToken(bench);
  const series = tokenSeries(sample.accessToken, bench.secret);
  const from = 1e12;
  await insertTokens(bench.sql, { sampleId: sample.tokenId, from, to: from + TOKENS - 1 });
  const numbers = Array.from({ length: TOKENS }, (_, index) => from + index);
  bench.warm = {
    ids: numbers.map(tokenId),
    tokens: numbers.map((n) => series.genuine(n)),
    list: numbers.map((n) => ({ path: '/report', headers: bearer(series.genuine(n)) })),
  };
  return bench.warm;
}

export async function wholeRequest(bench) {
  const { list } = await warmRequests(bench);
  await bench.sql.query('CREATE DATABASE better_auth');
  await bench.sql.query('CREATE DATABASE oidc_provider');
  const env = (database) => ({ DATABASE_URL: bench.databaseUrl(database), TOKENS: String(TOKENS) });
  const servers = {
    'Nest + Latchkey, guarded': bench.host,
    'Nest, the same route without a guard': await bench.start('nest'),
    'bare Fastify': await bench.start('fastify'),
    'bare Fastify + jsonwebtoken only': await bench.start('fastify', { VERIFY: 'jsonwebtoken' }),
    'Fastify + @better-auth/api-key': await bench.start('better-auth', env('better_auth')),
    'oidc-provider, introspection': await bench.start('oidc-provider', env('oidc_provider')),
    'Nest + Latchkey, a route without a guard': await bench.start('latchkey', { GUARD: 'off' }),
    'Nest, a guard that only says yes': await bench.start('nest', { GUARD: 'yes' }),
  };
  const names = Object.keys(servers);
  const contestants = Object.values(servers).map((server) => ({
    server,
    job: () => ({ requests: { list: server.requests ?? list } }),
  }));
  const { rounds, seconds, warmUpSeconds } = bench.options;
  const results = await takeTurns(bench, contestants, { rounds, seconds, warmUpSeconds }, TURNS);
  for (const server of Object.values(servers).slice(1)) await bench.stop(server);
  const [guarded] = results;
  const against = (key) => results.map((others, index) => (index === 0 ? '1' : ratio(guarded, others, key)));
  const [perSecond, perCpuSecond] = [against('perSecond'), against('perCpuSecond')];
  const rows = names.map((name, index) => [name, ...rateCells(results[index]), perSecond[index], perCpuSecond[index]]);
  const text = [
    '## A whole request, the token known',
    `GET on 50 connections, ${TOKENS} tokens in turn; ${rounds} rounds of ${seconds} s, each in ${TURNS} turns. The last two columns are Latchkey's rate ` +
      'divided by that of the row, round by round. Medians, and between what they lay.',
    table(['server', ...RATE_HEAD, 'Latchkey / this, requests/s', 'per CPU-second'], rows),
    'The rivals keep their state in the same PostgreSQL, each with up to 14 connections. better-auth verifies in the process, with its ' +
      'rate limits off, and writes a row on every request; oidc-provider is asked at its introspection endpoint, so that the ' +
      'request a resource server would answer meanwhile is not in its row.',
  ].join('\n\n');
  return {
    text,
    reached: [
      ['requests/s, divided by the same route without a guard', '≥ 0.80', perSecond[1]],
      ['the same per CPU-second', '≥ 0.80', perCpuSecond[1]],
      ['requests/s, divided by those of a guard that only says yes', '≥ 0.88', perSecond[7]],
      ['requests/s, divided by those of @better-auth/api-key', '≥ 20', perSecond[4]],
      ['requests/s, divided by those of oidc-provider', '≥ 10', perSecond[5]],
    ],
  };
}
