import { bearer } from '../lib/connection.mjs';
import { identityWithToken } from '../lib/bench.mjs';
import { table } from '../lib/figures.mjs';
import { manyTokens } from '../lib/rows.mjs';
import { RATE_HEAD, rateCells, takeTurns } from '../lib/rounds.mjs';
import { insertTokens, tokenSeries } from '../lib/tokens.mjs';
import { warmRequests } from './whole-request.mjs';

const REVOKED = 500;
const IDENTITIES = 50;

export async function verifications(bench) {
  const { list } = await warmRequests(bench);
  const many = await manyTokens(bench);
  const limited = await identityWithToken(bench, { accessTokenNumUsesLimit: 1_000_000_000 });
  const holders = [];
  for (let made = 0; made < IDENTITIES; made += 1) holders.push(await identityWithToken(bench));

  // Each of these tokens is asked about for the first time.
  const unseen = (more) => ({
    job: () => ({ requests: many.series('genuine', more) }),
    done: ({ sent }) => many.spend(sent),
  });
  const fake = (kind) => {
    let from = 1;
    const job = () => ({ requests: many.series(kind, { from }), expect: 401 });
    return { job, done: ({ sent }) => (from += sent) };
  };
  const inBody = (path) => unseen({ request: { method: 'POST', path }, inBody: true });
  const fixed = (requests, more = {}) => ({ job: () => ({ requests: { list: requests }, ...more }) });
  const issue = ({ identityId }) => ({
    method: 'POST',
    path: `/api/v1/auth/token-auth/identities/${identityId}/tokens`,
    headers: bearer(bench.admin),
    body: { name: 'issued by the bench' },
  });
  const subjects = {
    'verify: warm': fixed(list),
    'verify: cold, never seen before': unseen(),
    'verify: denied, revoked': fixed(await revokedRequests(bench), { expect: 401 }),
    'verify: garbage, well-made JWTs of another key': fake('forged'),
    'verify: garbage, no JWTs': fake('junk'),
    'verify: one hot token with a use limit': fixed([{ path: '/report', headers: bearer(limited.accessToken) }]),
    [`issue, for ${IDENTITIES} identities`]: fixed(holders.map(issue)),
    'issue, for one identity': fixed([issue(limited)]),
    renew: inBody('/api/v1/auth/token/renew'),
    revoke: inBody('/api/v1/auth/token/revoke'),
  };
  const contestants = Object.values(subjects).map((subject) => ({ server: bench.host, ...subject }));
  const { seconds, warmUpSeconds } = bench.options;
  const rounds = Math.ceil(bench.options.rounds / 2);
  const results = await takeTurns(bench, contestants, { rounds, seconds, warmUpSeconds });
  const rows = Object.keys(subjects).map((name, index) => [name, ...rateCells(results[index])]);
  const text = [
    '## What is asked, and how often it can be',
    `One Latchkey host, 50 connections; ${rounds} rounds of ${seconds} s in turns, ${many.rows.toLocaleString('en')} tokens in the table.`,
    table(['what', ...RATE_HEAD], rows),
  ].join('\n\n');
  return { text, reached: [] };
}

async function revokedRequests(bench) {
  const sample = await identityWithToken(bench);
  const from = 2e12;
  await insertTokens(bench.sql, { sampleId: sample.tokenId, from, to: from + REVOKED - 1 });
  await bench.sql.query('UPDATE latchkey.identity_access_tokens SET revoked_at = now() WHERE identity_id = $1', [
    sample.identityId,
  ]);
  const { genuine } = tokenSeries(sample.accessToken, bench.secret);
  return Array.from({ length: REVOKED }, (_, index) => ({ path: '/report', headers: bearer(genuine(from + index)) }));
}
