import { percentile, show, table } from '../lib/figures.mjs';
import { manyTokens } from '../lib/rows.mjs';
import { tokenId } from '../lib/tokens.mjs';

const PARTS = 16;
const ASKED = 400;
const PRUNED = 1_000;
const BATCHES = 20;
const MEGABYTE = 1024 * 1024;
/** One of 65,536, told from the token. */
const HOLDER = 'md5(substr(id::text, 1, 4))::uuid';

/** What the table of tokens weighs, and what it would gain from being partitioned, by the token or by its holder. */
export async function growth(bench) {
  const { rows } = await manyTokens(bench);
  const contenders = [
    ['one table, as it is', ''],
    [`${PARTS} parts by the hash of the token`, 'PARTITION BY HASH (id)'],
    [`${PARTS} parts by the hash of its holder`, 'PARTITION BY HASH (identity_id)'],
  ];
  const results = [];
  for (const [name, partitioned] of contenders) {
    // A connection for each: what it has prepared goes with it.
    const sql = await bench.connect();
    await sql.query('CREATE SCHEMA growth');
    results.push([name, ...(await weigh(sql, partitioned)).map(show)]);
    await sql.query('DROP SCHEMA growth CASCADE');
    await sql.end();
  }
  const text = [
    '## The table as it grows',
    `${rows.toLocaleString('en')} tokens of 65,536 identities, copied into a table of the same columns and indexes, and into two that are partitioned; one connection. ` +
      `A look-up is by the token alone, as a JWT names it; a page is the newest 20 of a holder; ${PRUNED.toLocaleString('en')} rows are pruned at a time, ` +
      `${BATCHES} times, and ${PRUNED.toLocaleString('en')} are inserted.`,
    table(
      [
        'laid out as',
        'rows MB',
        'indexes MB',
        'look-up p50 ms',
        'p99 ms',
        'page p50 ms',
        'insert ms',
        'prune p50 ms',
        'VACUUM s',
      ],
      results,
    ),
  ].join('\n\n');
  return { text, reached: [] };
}

async function weigh(sql, partitioned) {
  const like = 'CREATE TABLE growth.tokens (LIKE latchkey.identity_access_tokens INCLUDING DEFAULTS)';
  await sql.query(`${like} ${partitioned || 'WITH (fillfactor = 85)'}`);
  for (let part = 0; partitioned !== '' && part < PARTS; part += 1) {
    await sql.query(
      `CREATE TABLE growth.tokens_${part} PARTITION OF growth.tokens FOR VALUES WITH (MODULUS ${PARTS}, REMAINDER ${part})
         WITH (fillfactor = 85)`,
    );
  }
  const { rows: columns } = await sql.query(
    "SELECT attname AS name FROM pg_attribute WHERE attrelid = 'growth.tokens'::regclass AND attnum > 0 ORDER BY attnum",
  );
  const values = columns.map(({ name }) => (name === 'identity_id' ? HOLDER : name));
  await sql.query(`INSERT INTO growth.tokens SELECT ${values.join(', ')} FROM latchkey.identity_access_tokens`);
  const { rows: holders } = await sql.query('SELECT identity_id AS id FROM growth.tokens LIMIT 1');
  const { rows: indexes } = await sql.query(
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'latchkey' AND tablename = 'identity_access_tokens'",
  );
  for (const { indexdef } of indexes) {
    // A unique index of a partitioned table must hold its key: by the holder, the token alone can be none.
    await sql.query(indexdef.replace('CREATE UNIQUE', 'CREATE').replace(/ (\S+) ON \S+ /, ' $1 ON growth.tokens '));
  }
  await sql.query('VACUUM ANALYZE growth.tokens');
  await sql.query('CHECKPOINT');
  const { rows: sizes } = await sql.query(
    `SELECT sum(pg_table_size(oid)) AS heap, sum(pg_indexes_size(oid)) AS indexes
       FROM pg_class WHERE relnamespace = 'growth'::regnamespace AND relkind = 'r'`,
  );
  const lookUps = await times(ASKED, (n) =>
    sql.query({ name: 'look-up', text: 'SELECT * FROM growth.tokens WHERE id = $1', values: [tokenId(1 + n * 37)] }),
  );
  const pages = await times(50, () =>
    sql.query({
      name: 'page',
      text: `SELECT * FROM growth.tokens WHERE identity_id = $1 AND auth_method = 'token-auth' ORDER BY created_at DESC, id DESC LIMIT 20`,
      values: [holders[0].id],
    }),
  );
  const inserts = await times(BATCHES, (n) =>
    sql.query(
      `INSERT INTO growth.tokens (id, identity_id, organization_id, auth_method_id, auth_method, access_token_ttl, access_token_max_ttl, expires_at)
       SELECT gen_random_uuid(), $1, $1, $1, 'token-auth', 1, 1, now() - make_interval(secs => n + $2)
         FROM generate_series(1, ${PRUNED}) AS n`,
      [holders[0].id, n * PRUNED],
    ),
  );
  const prunes = await times(BATCHES, () =>
    sql.query(
      `DELETE FROM growth.tokens WHERE id = ANY (ARRAY(
         SELECT id FROM growth.tokens WHERE expires_at < now() ORDER BY expires_at LIMIT ${PRUNED} FOR UPDATE SKIP LOCKED))`,
    ),
  );
  const [vacuum] = await times(1, () => sql.query('VACUUM growth.tokens'));
  return [
    Number(sizes[0].heap) / MEGABYTE,
    Number(sizes[0].indexes) / MEGABYTE,
    percentile(lookUps, 50),
    percentile(lookUps, 99),
    percentile(pages, 50),
    percentile(inserts, 50),
    percentile(prunes, 50),
    vacuum / 1000,
  ];
}

async function times(count, run) {
  const taken = [];
  for (let n = 0; n < count; n += 1) {
    const startedAt = performance.now();
    await run(n);
    taken.push(performance.now() - startedAt);
  }
  return taken;
}
