import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inShortTransaction } from '../src/database/build-index';

/**
 * Streams of the audit log: where the events of an organization are sent, and up to which one they were. A stream holds a place in
 * the chain, and no event. A dead letter is a part of the chain that was given up.
 */
export class AddAuditStreams1767100000000 implements MigrationInterface {
  name = 'AddAuditStreams1767100000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [STREAMS, DEAD_LETTERS]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, ['DROP TABLE IF EXISTS latchkey.audit_dead_letters, latchkey.audit_streams']);
  }
}

// `batch` is the next batch of the chain, and `sent` how many of its events were delivered. The node with the lease delivers.
const STREAMS = `
  CREATE TABLE IF NOT EXISTS latchkey.audit_streams (
    id              uuid    CONSTRAINT pk_audit_streams PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid    NOT NULL CONSTRAINT fk_audit_streams_organization
                            REFERENCES latchkey.organizations (id) ON DELETE CASCADE,
    name            text    NOT NULL,
    url             text    NOT NULL,
    ca_cert         text    NOT NULL DEFAULT '',
    sealed_secret   bytea   NOT NULL,
    is_enabled      boolean NOT NULL DEFAULT true,
    batch           bigint  NOT NULL,
    sent            integer NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT now(),
    lease           uuid,
    leased_until    timestamptz,
    delivered_at    timestamptz(3),
    failing_since   timestamptz(3),
    last_fault      text,
    created_at      timestamptz(3) NOT NULL DEFAULT now(),
    updated_at      timestamptz(3) NOT NULL DEFAULT now()
  );
  CREATE INDEX IF NOT EXISTS ix_audit_streams_organization ON latchkey.audit_streams (organization_id, created_at, id);
  CREATE INDEX IF NOT EXISTS ix_audit_streams_due ON latchkey.audit_streams (due_at) WHERE is_enabled`;

const DEAD_LETTERS = `
  CREATE TABLE IF NOT EXISTS latchkey.audit_dead_letters (
    id          uuid    CONSTRAINT pk_audit_dead_letters PRIMARY KEY DEFAULT gen_random_uuid(),
    stream_id   uuid    NOT NULL CONSTRAINT fk_audit_dead_letters_stream
                        REFERENCES latchkey.audit_streams (id) ON DELETE CASCADE,
    batch       bigint  NOT NULL,
    first       integer NOT NULL,
    count       integer NOT NULL,
    attempts    integer NOT NULL,
    last_fault  text    NOT NULL,
    is_due      boolean NOT NULL DEFAULT false,
    given_up_at timestamptz(3) NOT NULL DEFAULT now()
  );
  CREATE INDEX IF NOT EXISTS ix_audit_dead_letters_stream ON latchkey.audit_dead_letters (stream_id, given_up_at, id);
  CREATE INDEX IF NOT EXISTS ix_audit_dead_letters_due ON latchkey.audit_dead_letters (stream_id) WHERE is_due`;
