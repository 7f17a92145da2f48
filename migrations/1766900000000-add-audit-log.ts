import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inShortTransaction } from '../src/database/build-index';

/**
 * The audit log: its events, in partitions of a month each; the queue of those that are not sealed yet; the batches in which
 * they are sealed, as a chain for each organization; and the signed checkpoints of the chains.
 */
export class AddAuditLog1766900000000 implements MigrationInterface {
  name = 'AddAuditLog1766900000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [EVENTS, ...INDEXES, CHAIN, PROTECT, KEEP]);
    await inShortTransaction(runner, [`SELECT latchkey.keep_audit_partitions('-infinity')`]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [DROP]);
  }
}

// Without foreign keys: an event outlives everything that it names. The default partition takes events of a time for which no
// partition was made, so that no change fails for want of one.
const EVENTS = `
  CREATE TABLE IF NOT EXISTS latchkey.audit_logs (
    id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL,
    organization_id uuid NOT NULL,
    event_type text NOT NULL,
    outcome text NOT NULL,
    reason text,
    actor_type text NOT NULL,
    actor_identity_id uuid,
    actor_token_id uuid,
    actor_metadata jsonb NOT NULL,
    identity_id uuid,
    token_id uuid,
    event_metadata jsonb NOT NULL,
    ip_address text,
    user_agent text,
    user_agent_type text,
    request_id text
  ) PARTITION BY RANGE (created_at);
  CREATE TABLE IF NOT EXISTS latchkey.audit_logs_default PARTITION OF latchkey.audit_logs DEFAULT`;

// A unique index, and no constraint: pg_dump --clean drops the constraint of each partition by itself, which PostgreSQL refuses.
const INDEXES = [
  'CREATE UNIQUE INDEX IF NOT EXISTS uq_audit_logs ON latchkey.audit_logs (created_at, id)',
  'CREATE INDEX IF NOT EXISTS ix_audit_logs_list ON latchkey.audit_logs (organization_id, created_at, id)',
  'CREATE INDEX IF NOT EXISTS ix_audit_logs_event ON latchkey.audit_logs (organization_id, event_type, created_at, id)',
  `CREATE INDEX IF NOT EXISTS ix_audit_logs_actor ON latchkey.audit_logs (organization_id, actor_identity_id, created_at, id)
    WHERE actor_identity_id IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS ix_audit_logs_identity ON latchkey.audit_logs (organization_id, identity_id, created_at, id)
    WHERE identity_id IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS ix_audit_logs_actor_token ON latchkey.audit_logs (organization_id, actor_token_id, created_at, id)
    WHERE actor_token_id IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS ix_audit_logs_token ON latchkey.audit_logs (organization_id, token_id, created_at, id)
    WHERE token_id IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS ix_audit_logs_request ON latchkey.audit_logs (organization_id, request_id, created_at, id)
    WHERE request_id IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS ix_audit_logs_unsuccessful ON latchkey.audit_logs (organization_id, outcome, created_at, id)
    WHERE outcome <> 'success'`,
];

const CHAIN = `
  CREATE TABLE IF NOT EXISTS latchkey.audit_unsealed (
    created_at timestamptz(3) NOT NULL,
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    CONSTRAINT pk_audit_unsealed PRIMARY KEY (created_at, id)
  );
  CREATE TABLE IF NOT EXISTS latchkey.audit_batches (
    organization_id uuid NOT NULL,
    number bigint NOT NULL,
    sealed_at timestamptz(3) NOT NULL,
    first_at timestamptz(3) NOT NULL,
    last_at timestamptz(3) NOT NULL,
    event_ids uuid[] NOT NULL,
    event_hashes bytea[] NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT pk_audit_batches PRIMARY KEY (organization_id, number)
  );
  CREATE INDEX IF NOT EXISTS ix_audit_batches_sealed_at ON latchkey.audit_batches (sealed_at);
  CREATE INDEX IF NOT EXISTS ix_audit_batches_last_at ON latchkey.audit_batches (organization_id, last_at);
  CREATE INDEX IF NOT EXISTS ix_audit_batches_first_at ON latchkey.audit_batches (organization_id, first_at);
  CREATE TABLE IF NOT EXISTS latchkey.audit_checkpoints (
    organization_id uuid NOT NULL,
    number bigint NOT NULL,
    made_at timestamptz(3) NOT NULL,
    hash bytea NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT pk_audit_checkpoints PRIMARY KEY (organization_id, number)
  )`;

// Whoever owns the tables can remove the trigger. It stops mistakes, and statements that another program puts in. The chain
// and its published checkpoints show what the owner has changed.
const PROTECT = `
  CREATE OR REPLACE FUNCTION latchkey.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'The audit log takes new events only' USING ERRCODE = 'insufficient_privilege';
  END $$;
  CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON latchkey.audit_logs
    FOR EACH ROW EXECUTE FUNCTION latchkey.refuse_audit_change();
  CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON latchkey.audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.refuse_audit_change()`;

// It runs with the rights of the owner, so that a user who may only read and write rows can have it called. For that reason it
// removes nothing younger than 30 days, whatever it is told. A partition is made apart and then attached: that waits for no
// writer. Months are those of UTC.
const KEEP = `
  CREATE OR REPLACE FUNCTION latchkey.keep_audit_partitions(remove_before timestamptz) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' SET timezone = 'UTC' AS $$
  DECLARE
    log CONSTANT regclass := 'latchkey.audit_logs'::regclass;
    home text;
    month timestamptz;
    part text;
    aged record;
    changed integer := 0;
  BEGIN
    SELECT n.nspname INTO STRICT home FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = log;
    FOR ahead IN 0..3 LOOP
      month := date_trunc('month', now()) + ahead * interval '1 month';
      part := to_char(month, '"audit_logs_"YYYY_MM');
      CONTINUE WHEN to_regclass(format('%I.%I', home, part)) IS NOT NULL;
      -- Its events are in the default partition, and stay there.
      CONTINUE WHEN EXISTS (SELECT FROM latchkey.audit_logs_default
                             WHERE created_at >= month AND created_at < month + interval '1 month');
      EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', home, part, log);
      EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                     log, home, part, month, month + interval '1 month');
      changed := changed + 1;
    END LOOP;
    FOR aged IN
      SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = log AND c.relname ~ '^audit_logs_[0-9]{4}_[0-9]{2}$'
         AND to_timestamp(substr(c.relname, 12), 'YYYY_MM') + interval '1 month' <= least(remove_before, now() - interval '30 days')
    LOOP
      EXECUTE format('DROP TABLE %I.%I', home, aged.relname);
      changed := changed + 1;
    END LOOP;
    RETURN changed;
  END $$`;

const DROP = `
  DROP FUNCTION IF EXISTS latchkey.keep_audit_partitions;
  DROP TABLE IF EXISTS latchkey.audit_checkpoints, latchkey.audit_batches, latchkey.audit_unsealed, latchkey.audit_logs;
  DROP FUNCTION IF EXISTS latchkey.refuse_audit_change`;
