import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** What tells a node that the database was undone, replaced or set back, or that changes are no longer noted. */
export class WatchContents1765100050000 implements MigrationInterface {
  name = 'WatchContents1765100050000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [ALWAYS, CONTENTS, ALL_ROWS, MARKS, DELETED]) {
      await runner.query(inSchemaOf(runner, statement));
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

const eachNoting = (verb: string) => `
  DO $$
  DECLARE noting record;
  BEGIN
    FOR noting IN SELECT tgrelid::regclass AS holder, tgname FROM pg_trigger
                   WHERE tgname LIKE 'note\\_%' AND NOT tgisinternal
                     AND tgfoid IN (SELECT oid FROM pg_proc WHERE pronamespace = (
                       SELECT relnamespace FROM pg_class WHERE oid = to_regclass('latchkey.instance')))
    LOOP
      EXECUTE format('ALTER TABLE %s ${verb} TRIGGER %I', noting.holder, noting.tgname);
    END LOOP;
  END $$`;

// Also where replication applies the change, and in a session that says it is a replica's.
const ALWAYS = eachNoting('ENABLE ALWAYS');

const TABLES = [
  'organizations',
  'identities',
  'identity_metadata',
  'organization_memberships',
  'identity_auth_methods',
  'client_secrets',
  'identity_access_tokens',
  'instance',
  'verdict_changes',
  'auth_lockouts',
];

const OTHER_TABLES = ['removed_auth_methods', 'nodes', 'incarnations', 'clock', 'use_batches', 'users'];

/** What notes the changes that a verdict rests on. */
const NOTING = [
  'organizations note_update',
  'organizations note_delete',
  'identities note_update',
  'identities note_delete',
  'identity_metadata note_insert',
  'identity_metadata note_update',
  'identity_metadata note_delete',
  'organization_memberships note_insert',
  'organization_memberships note_update',
  'organization_memberships note_delete',
  'identity_auth_methods note_update',
  'identity_auth_methods note_delete',
  'client_secrets note_update',
  'client_secrets note_delete',
  'identity_access_tokens note_update',
  'identity_access_tokens note_delete',
  'instance note_update',
  'instance note_delete',
];

// Enabled is not enough: a session may say that it is a replica's. A dump carries rows and no object ids: what was restored, dropped and made again, emptied or exchanged has other ones, or
// other files. A trigger that was switched off and on again has been written again in the catalog.
const CONTENTS = `
  CREATE FUNCTION latchkey.contents() RETURNS TABLE (contents text, is_watched boolean) LANGUAGE plpgsql STABLE ROWS 1 AS $$
  #variable_conflict use_column
  BEGIN
    RETURN QUERY
    WITH tables AS MATERIALIZED (
      SELECT c.oid, c.relname::text, c.relfilenode, c.relrowsecurity
        FROM pg_class c
       WHERE c.oid = ANY (ARRAY[${TABLES.map((table) => `to_regclass('latchkey.${table}')`).join(', ')}]::oid[])
    ), noting AS MATERIALIZED (
      SELECT t.oid, t.xmin::text, t.tgname, t.tgenabled, o.relname
        FROM tables o JOIN pg_trigger t ON t.tgrelid = o.oid WHERE NOT t.tgisinternal
    )
    SELECT hashtextextended(
             (SELECT string_agg(concat_ws(' ', oid, relfilenode, relrowsecurity), ',' ORDER BY oid) FROM tables) || ';'
             || (SELECT string_agg(concat_ws(' ', oid, xmin, tgenabled), ',' ORDER BY oid) FROM noting), 0)::text,
           (SELECT count(*) FROM noting WHERE tgenabled = 'A'
               AND relname || ' ' || tgname = ANY (ARRAY[${NOTING.map((name) => `'${name}'`).join(', ')}])) = ${NOTING.length}
           AND NOT EXISTS (SELECT FROM tables WHERE relrowsecurity);
  END $$`;

// Asked by statements outside of a transaction, to which no row would mean that there is none. A pooler in transaction mode takes no
// setting (row_security = off) for a connection.
const ALL_ROWS = `
  CREATE FUNCTION latchkey.sees_all_rows() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
  BEGIN
    IF ${[...TABLES, ...OTHER_TABLES].map((table) => `row_security_active(to_regclass('latchkey.${table}')::oid)`).join('\n       OR ')} THEN
      RAISE insufficient_privilege USING MESSAGE = 'row-level security hides rows of Latchkey from this role';
    END IF;
    RETURN true;
  END $$`;

// What a node has written of itself last. A database that was set back holds a smaller number, or none. The clock is how far the
// database has come by its own reckoning and by that of a node: no restart takes it back.
const MARKS = `
  ALTER TABLE latchkey.nodes ADD COLUMN mark bigint;
  CREATE TABLE latchkey.clock (
    is_this boolean     CONSTRAINT pk_clock PRIMARY KEY DEFAULT true CONSTRAINT ck_clock_one CHECK (is_this),
    reached timestamptz NOT NULL
  );
  INSERT INTO latchkey.clock (reached) VALUES ('-infinity')`;

// Tokens that are cleared away died long ago, and need not be noted. Whether one has run out is not asked of the clock: one that
// runs ahead would say so of all.
const DELETED = `
  CREATE OR REPLACE FUNCTION latchkey.note_deleted_tokens() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF coalesce(current_setting('latchkey.is_pruning', true), '') <> 'on' THEN
      PERFORM latchkey.note_verdict_change(identity_id)
         FROM (SELECT DISTINCT identity_id FROM gone WHERE revoked_at IS NULL) AS holders;
    END IF;
    RETURN NULL;
  END $$`;

const DROP = `
  CREATE OR REPLACE FUNCTION latchkey.note_deleted_tokens() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM latchkey.note_verdict_change(identity_id) FROM (
      SELECT DISTINCT identity_id FROM gone
       WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS holders;
    RETURN NULL;
  END $$;
  DROP TABLE latchkey.clock;
  ALTER TABLE latchkey.nodes DROP COLUMN mark;
  DROP FUNCTION latchkey.sees_all_rows;
  DROP FUNCTION latchkey.contents;
  ${eachNoting('ENABLE')}`;
