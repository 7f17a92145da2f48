import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildIndex, dropIndex, inShortTransaction } from '../src/database/build-index';

/**
 * Roles that an organization makes itself. A membership says `custom` where it has one, and which: to a node of the former
 * version that is a role it does not know, which holds nothing.
 */
export class AddRoles1766800000000 implements MigrationInterface {
  name = 'AddRoles1766800000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [ROLES, NOTE_ROLES]);
    await inShortTransaction(runner, [MEMBERSHIPS, noteMembership('role, is_active, custom_role_id'), CLEAR]);
    await inShortTransaction(runner, [VALIDATE]);
    await buildIndex(runner, ...HOLDERS);
    await inShortTransaction(runner, [RULES, contents(true), seesAllRows(true)]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [contents(false), seesAllRows(false), DROP_RULES]);
    await dropIndex(runner, HOLDERS[0]);
    await inShortTransaction(runner, [noteMembership('role, is_active'), DROP_OF_MEMBERSHIPS]);
    await inShortTransaction(runner, ['DROP TABLE IF EXISTS latchkey.roles']);
  }
}

// Rules are packed as CASL packs them. The only scope so far is the organization.
const ROLES = `
  CREATE TABLE IF NOT EXISTS latchkey.roles (
    id              uuid  CONSTRAINT pk_roles PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid  NOT NULL CONSTRAINT fk_roles_organization
                          REFERENCES latchkey.organizations (id) ON DELETE CASCADE,
    scope           text  NOT NULL DEFAULT 'organization',
    slug            text  NOT NULL,
    name            text  NOT NULL,
    description     text,
    permissions     jsonb NOT NULL,
    created_at      timestamptz(3) NOT NULL DEFAULT now(),
    updated_at      timestamptz(3) NOT NULL DEFAULT now()
  );
  CREATE UNIQUE INDEX IF NOT EXISTS uq_roles_slug ON latchkey.roles (organization_id, slug)
    WHERE scope = 'organization'`;

// A role is a subject of changes of its own: one change for all its holders.
const NOTE_ROLES = `
  DROP TRIGGER IF EXISTS note_update ON latchkey.roles;
  DROP TRIGGER IF EXISTS note_delete ON latchkey.roles;
  DROP TRIGGER IF EXISTS note_truncate ON latchkey.roles;
  DROP TRIGGER IF EXISTS make_durable ON latchkey.roles;
  CREATE TRIGGER make_durable BEFORE INSERT OR UPDATE OR DELETE ON latchkey.roles
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.make_durable();
  CREATE TRIGGER note_update AFTER UPDATE OF id, organization_id, scope, slug, permissions ON latchkey.roles
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('id');
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.roles
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('id');
  CREATE TRIGGER note_truncate AFTER TRUNCATE ON latchkey.roles
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything();
  ALTER TABLE latchkey.roles ENABLE ALWAYS TRIGGER note_update;
  ALTER TABLE latchkey.roles ENABLE ALWAYS TRIGGER note_delete;
  ALTER TABLE latchkey.roles ENABLE ALWAYS TRIGGER note_truncate`;

// The rows are checked afterwards, so that none of them is read while the table is locked.
const MEMBERSHIPS = `
  ALTER TABLE latchkey.organization_memberships ADD COLUMN IF NOT EXISTS custom_role_id uuid;
  ALTER TABLE latchkey.organization_memberships DROP CONSTRAINT IF EXISTS fk_organization_memberships_custom_role;
  ALTER TABLE latchkey.organization_memberships ADD CONSTRAINT fk_organization_memberships_custom_role
    FOREIGN KEY (custom_role_id) REFERENCES latchkey.roles (id) NOT VALID`;

const VALIDATE = `
  ALTER TABLE latchkey.organization_memberships VALIDATE CONSTRAINT fk_organization_memberships_custom_role`;

const HOLDERS = [
  'ix_organization_memberships_custom_role',
  'latchkey.organization_memberships (custom_role_id) WHERE custom_role_id IS NOT NULL',
] as const;

function noteMembership(columns: string): string {
  return `
  DROP TRIGGER IF EXISTS note_update ON latchkey.organization_memberships;
  CREATE TRIGGER note_update
    AFTER UPDATE OF organization_id, identity_id, ${columns} ON latchkey.organization_memberships
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('identity_id');
  ALTER TABLE latchkey.organization_memberships ENABLE ALWAYS TRIGGER note_update`;
}

// A node of the former version takes a custom role away by naming another one.
const CLEAR = `
  CREATE OR REPLACE FUNCTION latchkey.clear_custom_role() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.custom_role_id := NULL;
    RETURN NEW;
  END $$;
  DROP TRIGGER IF EXISTS clear_custom_role ON latchkey.organization_memberships;
  CREATE TRIGGER clear_custom_role BEFORE UPDATE OF role ON latchkey.organization_memberships FOR EACH ROW
    WHEN (NEW.role <> 'custom' AND NEW.custom_role_id IS NOT NULL) EXECUTE FUNCTION latchkey.clear_custom_role()`;

const DROP_OF_MEMBERSHIPS = `
  DROP TRIGGER IF EXISTS clear_custom_role ON latchkey.organization_memberships;
  DROP FUNCTION IF EXISTS latchkey.clear_custom_role;
  UPDATE latchkey.organization_memberships SET role = 'no-access' WHERE role = 'custom';
  ALTER TABLE latchkey.organization_memberships DROP COLUMN IF EXISTS custom_role_id`;

// No row for a role that is built in. Plans once for a connection, as the functions for the facts do.
const RULES = `
  CREATE OR REPLACE FUNCTION latchkey.custom_role_of(role text, organization uuid, identity uuid)
  RETURNS TABLE (id uuid, slug text, rules text) LANGUAGE plpgsql STABLE ROWS 1
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET row_security = off AS $$
  #variable_conflict use_column
  BEGIN
    IF role = 'custom' THEN
      RETURN QUERY
      SELECT r.id, r.slug, r.permissions::text
        FROM latchkey.organization_memberships m
        JOIN latchkey.roles r
          ON r.id = m.custom_role_id AND r.organization_id = m.organization_id AND r.scope = 'organization'
       WHERE m.organization_id = organization AND m.identity_id = identity;
    END IF;
  END $$`;

const DROP_RULES = 'DROP FUNCTION IF EXISTS latchkey.custom_role_of';

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

const REPLICATED = [
  'identity_access_tokens note_replicated_delete',
  'client_secrets note_replicated_delete',
  'identity_metadata note_replicated',
  'instance note_replicated',
];

/** As before, and with the table of roles and its triggers. */
function contents(hasRoles: boolean): string {
  const list = (names: readonly string[]) => `ARRAY[${names.map((name) => `'${name}'`).join(', ')}]::text[]`;
  const tables = hasRoles ? [...TABLES, 'roles'] : TABLES;
  const noting = hasRoles ? [...NOTING, 'roles note_update', 'roles note_delete'] : NOTING;
  return `
    CREATE OR REPLACE FUNCTION latchkey.contents() RETURNS TABLE (contents text, is_watched boolean)
    LANGUAGE plpgsql STABLE ROWS 1 AS $$
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      WITH tables AS MATERIALIZED (
        SELECT c.oid, c.relname::text, c.relfilenode, c.relrowsecurity
          FROM pg_class c
         WHERE c.oid = ANY (ARRAY[${tables.map((table) => `to_regclass('latchkey.${table}')`).join(', ')}]::oid[])
      ), noting AS MATERIALIZED (
        SELECT t.oid, t.xmin::text, t.tgname, t.tgenabled, o.relname
          FROM tables o JOIN pg_trigger t ON t.tgrelid = o.oid WHERE NOT t.tgisinternal
      )
      SELECT hashtextextended(
               (SELECT string_agg(concat_ws(' ', oid, relfilenode, relrowsecurity), ',' ORDER BY oid) FROM tables) || ';'
               || (SELECT string_agg(concat_ws(' ', oid, xmin, tgenabled), ',' ORDER BY oid) FROM noting), 0)::text,
             (SELECT count(*) FROM noting
               WHERE (tgenabled = 'A' AND relname || ' ' || tgname = ANY (${list(noting)}))
                  OR (tgenabled IN ('A', 'R') AND relname || ' ' || tgname = ANY (${list(REPLICATED)})))
               = ${noting.length + REPLICATED.length}
             AND NOT EXISTS (SELECT FROM tables WHERE relrowsecurity);
    END $$`;
}

function seesAllRows(hasRoles: boolean): string {
  const tables = [...TABLES, ...OTHER_TABLES, ...(hasRoles ? ['roles'] : [])];
  return `
    CREATE OR REPLACE FUNCTION latchkey.sees_all_rows() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
    BEGIN
      IF ${tables.map((table) => `row_security_active(to_regclass('latchkey.${table}')::oid)`).join('\n         OR ')} THEN
        RAISE insufficient_privilege USING MESSAGE = 'row-level security hides rows of Latchkey from this role';
      END IF;
      RETURN true;
    END $$`;
}
