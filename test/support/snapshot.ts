import type { DataSource } from 'typeorm';

// What nodes note of themselves, by the clock, and the audit log, which records a refusal too.
const NOT_STATE = /^(nodes|use_batches|clock|audit_(?!streams$)\w+)$/;

/** For every table how many rows it has and a checksum of them. Uses are left out: reading with a token counts one. */
export async function snapshot(dataSource: DataSource): Promise<Record<string, string>> {
  const tables = await dataSource.query<{ name: string }[]>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'latchkey' ORDER BY 1`,
  );
  const sums = tables
    .filter(({ name }) => !NOT_STATE.test(name))
    .map(
      ({ name }) =>
        `SELECT '${name}' AS name, count(*) || ' ' || coalesce(md5(string_agg(r, ',' ORDER BY r)), '') AS sum
           FROM (SELECT (to_jsonb(t) - 'num_uses' - 'last_used_at')::text AS r FROM latchkey."${name}" t) AS rows`,
    );
  const rows = await dataSource.query<{ name: string; sum: string }[]>(sums.join(' UNION ALL '));
  return Object.fromEntries(rows.map(({ name, sum }) => [name, sum]));
}
