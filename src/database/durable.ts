/**
 * A setting that makes the transaction's COMMIT wait until what it has written is on the disk, whatever the default of the role
 * says, and on the standby, where there is a synchronous one: `WITH durable AS MATERIALIZED (${DURABLE})`.
 */
export const DURABLE = `
  SELECT set_config('synchronous_commit',
                    CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
                    true)`;
