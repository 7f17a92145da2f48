import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** What a crash, a promotion or an asynchronous commit may take back, and nodes must not build on. */
export class NameIncarnations1764300000000 implements MigrationInterface {
  name = 'NameIncarnations1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [INCARNATIONS, DURABLE, TRIGGERS]) {
      await runner.query(inSchemaOf(runner, statement));
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

// After a crash PostgreSQL hands out ids of transactions again that left nothing in its log, and who has seen the first
// holder finished would take the second for known. It also empties unlogged tables, then and when a standby is promoted:
// a name kept in one is never the same before and after.
const INCARNATIONS = `
  CREATE UNLOGGED TABLE latchkey.incarnations (
    id      uuid    NOT NULL DEFAULT gen_random_uuid(),
    is_this boolean CONSTRAINT pk_incarnations PRIMARY KEY DEFAULT true CONSTRAINT ck_incarnations_one CHECK (is_this)
  );

  -- Null on a standby, where an unlogged table cannot even be asked. Ends with a blank until somebody has given it a name.
  CREATE FUNCTION latchkey.incarnation() RETURNS text LANGUAGE plpgsql STABLE AS $$
  BEGIN
    IF pg_is_in_recovery() THEN RETURN NULL; END IF;
    RETURN left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' || coalesce((SELECT id::text FROM latchkey.incarnations), '');
  END $$`;

const DURABLE = `
  CREATE FUNCTION latchkey.make_durable() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
      PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    RETURN NULL;
  END $$`;

// Whatever the role's default says, what was acknowledged is there after a crash. Counted uses are left out: a batch that is
// lost with the server may be lost.
const TABLES = [
  'organizations',
  'identities',
  'organization_memberships',
  'identity_auth_methods',
  'client_secrets',
  'auth_lockouts',
  'users',
  'instance',
];
const TRIGGERS = `
  ${TABLES.map(
    (table) => `CREATE TRIGGER make_durable BEFORE INSERT OR UPDATE OR DELETE ON latchkey.${table}
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.make_durable();`,
  ).join('\n  ')}
  CREATE TRIGGER make_durable BEFORE INSERT OR DELETE OR UPDATE OF name, expires_at, revoked_at ON latchkey.identity_access_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.make_durable()`;

const DROP = `
  DROP FUNCTION latchkey.make_durable CASCADE;
  DROP FUNCTION latchkey.incarnation;
  DROP TABLE latchkey.incarnations`;
