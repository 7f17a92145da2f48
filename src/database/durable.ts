/**
 * A setting that makes the transaction's COMMIT wait until its writes are on the disk, whatever the role's default says, and on
 * the synchronous standby, if there is one: `WITH durable AS MATERIALIZED (${DURABLE})`.
 */
export const DURABLE = `
  SELECT set_config('synchronous_commit',
                    CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
                    true)`;
