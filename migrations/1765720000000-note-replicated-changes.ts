import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/**
 * Logical replication fires the triggers of rows and not those of statements: a node on a subscriber learns of what these note
 * from triggers of rows that fire for replicated changes alone, and so cost nothing else.
 */
export class NoteReplicatedChanges1765720000000 implements MigrationInterface {
  name = 'NoteReplicatedChanges1765720000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...REPLICATED.map(create), contents(REPLICATED)]) {
      await runner.query(inSchemaOf(runner, statement));
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of [contents([]), ...REPLICATED.map(drop)]) {
      await runner.query(inSchemaOf(runner, statement));
    }
  }
}

interface Replicated {
  readonly table: string;
  readonly trigger: string;
  /** On what it fires, and where only for some rows, for which. */
  readonly event: string;
  readonly when?: string;
  readonly noting: string;
}

const OF_IDENTITY = `note_changed_row('identity_id')`;

const REPLICATED: readonly Replicated[] = [
  {
    table: 'identity_access_tokens',
    trigger: 'note_replicated_delete',
    event: 'DELETE',
    when: 'old.revoked_at IS NULL',
    noting: OF_IDENTITY,
  },
  { table: 'client_secrets', trigger: 'note_replicated_delete', event: 'DELETE', noting: OF_IDENTITY },
  {
    table: 'identity_metadata',
    trigger: 'note_replicated',
    event: 'INSERT OR UPDATE OR DELETE',
    noting: OF_IDENTITY,
  },
  { table: 'instance', trigger: 'note_replicated', event: 'UPDATE OR DELETE', noting: 'note_everything()' },
];

function create({ table, trigger, event, when, noting }: Replicated): string {
  const condition = when === undefined ? '' : `WHEN (${when})`;
  return `
    CREATE TRIGGER ${trigger} AFTER ${event} ON latchkey.${table}
      FOR EACH ROW ${condition} EXECUTE FUNCTION latchkey.${noting};
    ALTER TABLE latchkey.${table} ENABLE REPLICA TRIGGER ${trigger}`;
}

function drop({ table, trigger }: Replicated): string {
  return `DROP TRIGGER ${trigger} ON latchkey.${table}`;
}

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

/** As before, and with the triggers for replicated changes among those that must be in force. */
function contents(replicated: readonly Replicated[]): string {
  const list = (names: readonly string[]) => `ARRAY[${names.map((name) => `'${name}'`).join(', ')}]::text[]`;
  const ofReplica = replicated.map(({ table, trigger }) => `${table} ${trigger}`);
  return `
    CREATE OR REPLACE FUNCTION latchkey.contents() RETURNS TABLE (contents text, is_watched boolean)
    LANGUAGE plpgsql STABLE ROWS 1 AS $$
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
             (SELECT count(*) FROM noting
               WHERE (tgenabled = 'A' AND relname || ' ' || tgname = ANY (${list(NOTING)}))
                  OR (tgenabled IN ('A', 'R') AND relname || ' ' || tgname = ANY (${list(ofReplica)})))
               = ${NOTING.length + ofReplica.length}
             AND NOT EXISTS (SELECT FROM tables WHERE relrowsecurity);
    END $$`;
}
