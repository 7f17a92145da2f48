import { identityWithToken } from './bench.mjs';
import { insertTokens } from './tokens.mjs';

const BATCH = 1_000_000;
/** For those that want tokens nobody has seen or revoked. The others are left as they are. */
const UNSEEN = 200_000;

/** So many tokens of one identity, made once. Whoever wants tokens nobody has seen yet takes or spends numbers. */
export async function manyTokens(bench) {
  bench.many ??= load(bench);
  return bench.many;
}

async function load(bench) {
  const startedAt = performance.now();
  const sample = await identityWithToken(bench);
  const rows = Math.max(bench.options.rows, bench.options.distinct + UNSEEN);
  for (let from = 1; from <= rows; from += BATCH) {
    await insertTokens(bench.sql, { sampleId: sample.tokenId, from, to: Math.min(rows, from + BATCH - 1) });
  }
  // What autovacuum would do in its own time.
  await bench.sql.query('VACUUM ANALYZE latchkey.identity_access_tokens');
  await bench.sql.query('CHECKPOINT');
  let next = 1;
  return {
    ...sample,
    rows,
    untouchedFrom: UNSEEN + 1,
    loadSeconds: (performance.now() - startedAt) / 1000,
    series: (kind, more = {}) => ({
      series: {
        kind,
        from: next,
        sample: sample.accessToken,
        secret: bench.secret,
        request: { path: '/report' },
        ...more,
      },
    }),
    take: () => next++,
    spend: (count) => (next += count),
  };
}
