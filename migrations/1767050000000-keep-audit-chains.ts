import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildIndex, dropIndex, inShortTransaction } from '../src/database/build-index';

/**
 * What is known of each chain apart from its batches: its head, what retention has removed, and whether both are signed. So a chain
 * goes on where it was, whatever is removed, and a removal can be proved. Partitions are made and removed by calls of their own.
 */
export class KeepAuditChains1767050000000 implements MigrationInterface {
  name = 'KeepAuditChains1767050000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [CHAINS, FILL, CHECKPOINTS]);
    for (const [name, on] of INDEXES) await buildIndex(runner, name, on);
    for (const [name] of OLD_INDEXES) await dropIndex(runner, name);
    await inShortTransaction(runner, [
      MAKE,
      SETTLE,
      REMOVE,
      'DROP FUNCTION IF EXISTS latchkey.keep_audit_partitions',
      RIGHTS,
    ]);
    await inShortTransaction(runner, ['SELECT latchkey.make_audit_partitions()']);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [name, on] of OLD_INDEXES) await buildIndex(runner, name, on);
    for (const [name] of INDEXES) await dropIndex(runner, name);
    await inShortTransaction(runner, [...FORMER, DROP]);
  }
}

const CHAINS = `
  CREATE TABLE IF NOT EXISTS latchkey.audit_chains (
    organization_id uuid CONSTRAINT pk_audit_chains PRIMARY KEY,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz(3) NOT NULL,
    first_kept bigint NOT NULL,
    removed_before timestamptz(3),
    is_signed boolean NOT NULL DEFAULT false,
    is_pruned boolean NOT NULL DEFAULT true
  );
  CREATE INDEX IF NOT EXISTS ix_audit_chains_unsigned ON latchkey.audit_chains (organization_id) WHERE NOT is_signed;
  CREATE INDEX IF NOT EXISTS ix_audit_chains_unpruned ON latchkey.audit_chains (organization_id) WHERE NOT is_pruned`;

// A node of the former version may seal meanwhile, and does not know of this table: whoever seals looks at the batches too.
const FILL = `
  INSERT INTO latchkey.audit_chains (organization_id, number, hash, sealed_at, first_kept)
  SELECT DISTINCT ON (organization_id) organization_id, number, hash, sealed_at,
         (SELECT min(f.number) FROM latchkey.audit_batches f WHERE f.organization_id = b.organization_id)
    FROM latchkey.audit_batches b ORDER BY organization_id, number DESC
  ON CONFLICT DO NOTHING`;

// Those of the first version of checkpoints have no value.
const CHECKPOINTS = `
  ALTER TABLE latchkey.audit_checkpoints
    ADD COLUMN IF NOT EXISTS sealed_at timestamptz(3),
    ADD COLUMN IF NOT EXISTS first_kept bigint,
    ADD COLUMN IF NOT EXISTS removed_before timestamptz(3)`;

// The batches of a chain are sealed in the order of their numbers, so that a part of time is a part of this index. Few batches
// have events that were sealed late.
const INDEXES: readonly (readonly [name: string, on: string])[] = [
  ['ix_audit_batches_chain', 'latchkey.audit_batches (organization_id, sealed_at, number) INCLUDE (first_at)'],
  [
    'ix_audit_batches_late',
    `latchkey.audit_batches (first_at) INCLUDE (sealed_at) WHERE sealed_at - first_at > interval '24 hours'`,
  ],
];
const OLD_INDEXES: readonly (readonly [name: string, on: string])[] = [
  ['ix_audit_batches_last_at', 'latchkey.audit_batches (organization_id, last_at)'],
  ['ix_audit_batches_first_at', 'latchkey.audit_batches (organization_id, first_at)'],
];

// These functions run with the rights of the owner, so that a user who may only read and write rows can have them called. A
// partition is made apart and then attached, which locks the default partition for a moment. Months are those of UTC.
const OPTIONS = `LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' SET timezone = 'UTC'`;

// Events of a month for which there was no partition are in the default partition. Then the partition of that month begins a
// little later, behind them.
const MAKE = `
  CREATE OR REPLACE FUNCTION latchkey.make_audit_partitions() RETURNS integer ${OPTIONS} AS $$
  DECLARE
    log CONSTANT regclass := 'latchkey.audit_logs'::regclass;
    home text;
    month timestamptz;
    starts timestamptz;
    ends timestamptz;
    part text;
    made integer := 0;
  BEGIN
    SELECT n.nspname INTO STRICT home FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = log;
    FOR ahead IN 0..3 LOOP
      month := date_trunc('month', now()) + ahead * interval '1 month';
      ends := month + interval '1 month';
      part := to_char(month, '"audit_logs_"YYYY_MM');
      CONTINUE WHEN to_regclass(format('%I.%I', home, part)) IS NOT NULL;
      SELECT coalesce(greatest(max(created_at), now()) + interval '10 minutes', month) INTO starts
        FROM latchkey.audit_logs_default WHERE created_at >= month AND created_at < ends HAVING count(*) > 0;
      starts := coalesce(starts, month);
      CONTINUE WHEN starts >= ends;
      EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', home, part, log);
      EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)', log, home, part, starts, ends);
      made := made + 1;
    END LOOP;
    RETURN made;
  END $$`;

// The default partition has no end, so that it could never be removed as a whole. Once nothing is added to it any more, it becomes
// an ordinary partition of the time of its events, and an empty one takes its place.
const SETTLE = `
  CREATE OR REPLACE FUNCTION latchkey.settle_audit_default() RETURNS integer ${OPTIONS} AS $$
  DECLARE
    log CONSTANT regclass := 'latchkey.audit_logs'::regclass;
    home text;
    part text;
    oldest timestamptz;
    newest timestamptz;
  BEGIN
    SELECT min(created_at), max(created_at) INTO oldest, newest FROM latchkey.audit_logs_default;
    IF newest IS NULL OR newest > now() - interval '1 hour' THEN RETURN 0; END IF;
    SELECT n.nspname INTO STRICT home FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = log;
    part := to_char(now(), '"audit_logs_settled_"YYYY_MM_DD_HH24_MI_SS');
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %I.audit_logs_default', log, home);
    EXECUTE format('ALTER TABLE %I.audit_logs_default RENAME TO %I', home, part);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                   log, home, part, oldest, newest + interval '1 millisecond');
    EXECUTE format('CREATE TABLE %I.audit_logs_default PARTITION OF %s DEFAULT', home, log);
    RETURN 1;
  END $$`;

// One partition at a time: a lock that cannot be had undoes nothing else. It removes nothing younger than 30 days, whatever it is
// told. The chains of its events note it in the same transaction: an event that is removed was sealed before a time that is noted.
// So it waits for events that are not sealed, and for those that were sealed too late. DETACH CONCURRENTLY, which would need
// a weaker lock, does not exist beside a default partition; DROP holds its lock for a moment, since files are removed after the commit.
const REMOVE = `
  CREATE OR REPLACE FUNCTION latchkey.remove_audit_partition(remove_before timestamptz) RETURNS integer ${OPTIONS} AS $$
  DECLARE
    log CONSTANT regclass := 'latchkey.audit_logs'::regclass;
    cutoff timestamptz := least(remove_before, now() - interval '30 days');
    part regclass;
    ended timestamptz;
    sealed timestamptz;
  BEGIN
    SELECT p.part, p.ended, greatest(p.ended + interval '24 hours', late.sealed_at + interval '1 millisecond')
      INTO part, ended, sealed
      FROM (SELECT c.oid::regclass AS part,
                   (regexp_match(pg_get_expr(c.relpartbound, c.oid), $r$TO \\('([^']+)'\\)$r$))[1]::timestamptz AS ended
              FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = log) AS p,
           LATERAL (SELECT max(b.sealed_at) AS sealed_at FROM latchkey.audit_batches b
                     WHERE b.first_at < p.ended AND b.sealed_at - b.first_at > interval '24 hours') AS late
     WHERE p.ended + interval '24 hours' <= cutoff AND (late.sealed_at IS NULL OR late.sealed_at < cutoff)
       AND NOT EXISTS (SELECT FROM latchkey.audit_unsealed u WHERE u.created_at < p.ended)
     ORDER BY p.ended LIMIT 1;
    IF part IS NULL THEN RETURN 0; END IF;
    EXECUTE format('
      WITH RECURSIVE own AS (
        (SELECT organization_id FROM %1$s ORDER BY organization_id LIMIT 1)
        UNION ALL
        SELECT (SELECT p.organization_id FROM %1$s p WHERE p.organization_id > own.organization_id ORDER BY 1 LIMIT 1)
          FROM own WHERE own.organization_id IS NOT NULL)
      UPDATE latchkey.audit_chains c SET removed_before = greatest(c.removed_before, $1), is_signed = false, is_pruned = false
        FROM own WHERE c.organization_id = own.organization_id', part) USING sealed;
    EXECUTE format('DROP TABLE %s', part);
    RETURN 1;
  END $$`;

// Nothing but the programs that write the log may call them.
const RIGHTS = `
  DO $$
  DECLARE
    call text;
    writer name;
  BEGIN
    FOREACH call IN ARRAY ARRAY['make_audit_partitions()', 'settle_audit_default()', 'remove_audit_partition(timestamptz)'] LOOP
      EXECUTE 'REVOKE EXECUTE ON FUNCTION latchkey.' || call || ' FROM PUBLIC';
      FOR writer IN SELECT DISTINCT r.rolname FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
                     WHERE c.oid = 'latchkey.audit_logs'::regclass AND a.privilege_type = 'INSERT' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION latchkey.' || call || ' TO %I', writer);
      END LOOP;
    END LOOP;
  END $$`;

const DROP = `
  ALTER TABLE latchkey.audit_checkpoints
    DROP COLUMN IF EXISTS sealed_at, DROP COLUMN IF EXISTS first_kept, DROP COLUMN IF EXISTS removed_before;
  DROP TABLE IF EXISTS latchkey.audit_chains`;

// The former version calls this. It makes partitions as before, and leaves removing to the version that can prove it.
const FORMER = [
  MAKE.replace('make_audit_partitions()', 'keep_audit_partitions(remove_before timestamptz)'),
  'DROP FUNCTION IF EXISTS latchkey.make_audit_partitions, latchkey.settle_audit_default, latchkey.remove_audit_partition',
];
