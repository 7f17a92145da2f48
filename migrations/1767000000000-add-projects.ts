import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inShortTransaction } from '../src/database/build-index';

/**
 * Projects, their members, the roles of each member, and the roles that a project makes itself. The rules that an identity has
 * in a project are read by one function, for one project or for many.
 */
export class AddProjects1767000000000 implements MigrationInterface {
  name = 'AddProjects1767000000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [
      PROJECTS,
      ROLES,
      MEMBERSHIPS,
      MEMBERSHIP_ROLES,
      ...NOTED.map(note),
      ACCESS,
      PROJECTS_OF,
    ]);
    await inShortTransaction(runner, watch(true));
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, watch(false));
    await inShortTransaction(runner, [DROP]);
  }
}

// Settings are hints for clients. Nothing here rests on them.
const PROJECTS = `
  CREATE TABLE IF NOT EXISTS latchkey.projects (
    id                    uuid    CONSTRAINT pk_projects PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id       uuid    NOT NULL CONSTRAINT fk_projects_organization
                                  REFERENCES latchkey.organizations (id) ON DELETE CASCADE,
    name                  text    NOT NULL,
    slug                  text    NOT NULL,
    description           text,
    has_delete_protection boolean NOT NULL DEFAULT false,
    settings              jsonb   NOT NULL DEFAULT '{}',
    created_at            timestamptz(3) NOT NULL DEFAULT now(),
    updated_at            timestamptz(3) NOT NULL DEFAULT now()
  );
  CREATE UNIQUE INDEX IF NOT EXISTS uq_projects_slug ON latchkey.projects (organization_id, slug)`;

const ROLES = `
  CREATE TABLE IF NOT EXISTS latchkey.project_roles (
    id          uuid  CONSTRAINT pk_project_roles PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id  uuid  NOT NULL CONSTRAINT fk_project_roles_project REFERENCES latchkey.projects (id) ON DELETE CASCADE,
    slug        text  NOT NULL,
    name        text  NOT NULL,
    description text,
    permissions jsonb NOT NULL,
    created_at  timestamptz(3) NOT NULL DEFAULT now(),
    updated_at  timestamptz(3) NOT NULL DEFAULT now()
  );
  CREATE UNIQUE INDEX IF NOT EXISTS uq_project_roles_slug ON latchkey.project_roles (project_id, slug)`;

// The actor is the member itself: changes are noted for it.
const MEMBERSHIPS = `
  CREATE TABLE IF NOT EXISTS latchkey.project_memberships (
    id          uuid CONSTRAINT pk_project_memberships PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id  uuid NOT NULL CONSTRAINT fk_project_memberships_project
                     REFERENCES latchkey.projects (id) ON DELETE CASCADE,
    actor_id    uuid NOT NULL,
    identity_id uuid CONSTRAINT fk_project_memberships_identity REFERENCES latchkey.identities (id) ON DELETE CASCADE,
    created_at  timestamptz(3) NOT NULL DEFAULT now(),
    updated_at  timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT ck_project_memberships_actor CHECK (actor_id = identity_id)
  );
  CREATE UNIQUE INDEX IF NOT EXISTS uq_project_memberships_actor ON latchkey.project_memberships (actor_id, project_id);
  CREATE INDEX IF NOT EXISTS ix_project_memberships_identity ON latchkey.project_memberships (identity_id);
  CREATE INDEX IF NOT EXISTS ix_project_memberships_project ON latchkey.project_memberships (project_id, created_at, id)`;

const MEMBERSHIP_ROLES = `
  CREATE TABLE IF NOT EXISTS latchkey.project_membership_roles (
    id              uuid     CONSTRAINT pk_project_membership_roles PRIMARY KEY DEFAULT gen_random_uuid(),
    membership_id   uuid     NOT NULL CONSTRAINT fk_project_membership_roles_membership
                             REFERENCES latchkey.project_memberships (id) ON DELETE CASCADE,
    actor_id        uuid     NOT NULL,
    position        smallint NOT NULL,
    role            text     NOT NULL,
    project_role_id uuid     CONSTRAINT fk_project_membership_roles_role REFERENCES latchkey.project_roles (id),
    temporary_range text,
    starts_at       timestamptz(3),
    ends_at         timestamptz(3),
    created_at      timestamptz(3) NOT NULL DEFAULT now(),
    updated_at      timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT ck_project_membership_roles_time CHECK ((starts_at IS NULL) = (ends_at IS NULL) AND starts_at < ends_at),
    CONSTRAINT ck_project_membership_roles_role CHECK ((role = 'custom') = (project_role_id IS NOT NULL))
  );
  CREATE INDEX IF NOT EXISTS ix_project_membership_roles_membership
    ON latchkey.project_membership_roles (membership_id, position);
  CREATE INDEX IF NOT EXISTS ix_project_membership_roles_role
    ON latchkey.project_membership_roles (project_role_id) WHERE project_role_id IS NOT NULL`;

/** A table whose rows decide on rights, and the column that says whose. */
interface Noted {
  readonly table: string;
  readonly subject: string;
  readonly on: readonly ('insert' | 'update' | 'delete')[];
  /** The columns whose change matters; all if it is left out. */
  readonly columns?: string;
}

const NOTED: readonly Noted[] = [
  { table: 'projects', subject: 'id', on: ['update', 'delete'], columns: 'id, organization_id, name, slug' },
  { table: 'project_roles', subject: 'id', on: ['update', 'delete'], columns: 'id, project_id, slug, permissions' },
  {
    table: 'project_memberships',
    subject: 'actor_id',
    on: ['insert', 'update', 'delete'],
    columns: 'id, project_id, actor_id, identity_id',
  },
  { table: 'project_membership_roles', subject: 'actor_id', on: ['insert', 'update', 'delete'] },
];

// They fire for replicated rows too, whatever the session says.
function note({ table, subject, on, columns }: Noted): string {
  const firing = (event: string) => (event === 'update' && columns ? `UPDATE OF ${columns}` : event.toUpperCase());
  return `
    CREATE OR REPLACE TRIGGER make_durable BEFORE INSERT OR UPDATE OR DELETE ON latchkey.${table}
      FOR EACH STATEMENT EXECUTE FUNCTION latchkey.make_durable();
    ${on
      .map(
        (event) => `
    CREATE OR REPLACE TRIGGER note_${event} AFTER ${firing(event)} ON latchkey.${table}
      FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('${subject}');
    ALTER TABLE latchkey.${table} ENABLE ALWAYS TRIGGER note_${event};`,
      )
      .join('')}
    CREATE OR REPLACE TRIGGER note_truncate AFTER TRUNCATE ON latchkey.${table}
      FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything();
    ALTER TABLE latchkey.${table} ENABLE ALWAYS TRIGGER note_truncate`;
}

// One row for each of the projects, with every grant of the identity in it, whether it counts now or not: the caller of the
// function compares the times with its clock. The order of the grants is that of the rules. Plans once for a connection.
const ACCESS = `
  CREATE OR REPLACE FUNCTION latchkey.project_access(projects uuid[], organization uuid, identity uuid)
  RETURNS TABLE (project_id uuid, slug text, name text, identity_name text, labels text, is_member boolean, grants text)
  LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off
    SET row_security = off AS $$
  #variable_conflict use_column
  BEGIN
    RETURN QUERY
    SELECT p.id, p.slug, p.name, i.name,
           (SELECT coalesce(json_object_agg(l.key, l.value), '{}')::text
              FROM latchkey.identity_metadata l WHERE l.identity_id = i.id),
           m.id IS NOT NULL,
           (SELECT coalesce(json_agg(json_build_object(
                     'type', 'role', 'id', g.id, 'role', g.role, 'roleId', r.id, 'slug', coalesce(r.slug, g.role),
                     'rules', r.permissions, 'startsMs', extract(epoch FROM g.starts_at) * 1000,
                     'endsMs', extract(epoch FROM g.ends_at) * 1000) ORDER BY g.position, g.id), '[]')::text
              FROM latchkey.project_membership_roles g
              LEFT JOIN latchkey.project_roles r ON r.id = g.project_role_id AND r.project_id = p.id
             WHERE g.membership_id = m.id)
      FROM latchkey.projects p
      JOIN latchkey.identities i ON i.id = identity AND i.organization_id = p.organization_id
      LEFT JOIN latchkey.project_memberships m ON m.actor_id = i.id AND m.project_id = p.id
     WHERE p.id = ANY (projects) AND p.organization_id = organization;
  END $$`;

// The projects that an identity is in, in the order of their ids: all, or a page after one of them.
const PROJECTS_OF = `
  CREATE OR REPLACE FUNCTION latchkey.projects_of(
    identity uuid, after_id uuid DEFAULT '00000000-0000-0000-0000-000000000000', most bigint DEFAULT NULL)
  RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT m.project_id FROM latchkey.project_memberships m
     WHERE m.actor_id = identity AND m.project_id > after_id ORDER BY m.project_id LIMIT most
  $$`;

const TABLES = NOTED.map(({ table }) => table);
const TRIGGERS = NOTED.flatMap(({ table, on }) => on.map((event) => `${table} note_${event}`));

/** A function that names every watched table, the text after which something is put in, and what. */
type Insertion = readonly [name: string, anchor: string, inserted: string];

const INSERTIONS: readonly Insertion[] = [
  ['contents', 'c.oid = ANY (ARRAY[', TABLES.map((table) => `to_regclass('latchkey.${table}'), `).join('')],
  [
    'contents',
    `tgenabled = 'A' AND relname || ' ' || tgname = ANY (ARRAY[`,
    TRIGGERS.map((one) => `'${one}', `).join(''),
  ],
  [
    'sees_all_rows',
    'IF row_security_active(',
    TABLES.map((table) => `to_regclass('latchkey.${table}')::oid) OR row_security_active(`).join(''),
  ],
];

// The functions are read and written back, so that the tables of other migrations stay in them, whatever their order.
function edit([name, anchor, inserted]: Insertion, isAdding: boolean, triggers: number): string {
  const [from, to] = isAdding ? [anchor, anchor + inserted] : [anchor + inserted, anchor];
  const literal = (text: string) => `$text$${text}$text$`;
  return `
    DO $edit$
    DECLARE
      source text := pg_get_functiondef('latchkey.${name}()'::regprocedure);
      counted CONSTANT text := '= (\\d+)(\\s+AND NOT EXISTS)';
    BEGIN
      IF (position(${literal(anchor + inserted)} IN source) > 0) = ${isAdding} THEN
        RETURN;
      END IF;
      IF position(${literal(from)} IN source) = 0 THEN
        RAISE EXCEPTION 'latchkey.${name} has another form than this migration knows';
      END IF;
      source := replace(source, ${literal(from)}, ${literal(to)});
      IF ${triggers} <> 0 THEN
        source := regexp_replace(source, counted, format('= %s\\2', substring(source FROM counted)::integer + ${triggers}));
      END IF;
      EXECUTE source;
    END $edit$`;
}

/** As before, and with the tables of this migration and their triggers; or without them. */
function watch(isAdding: boolean): string[] {
  return INSERTIONS.map((one, place) => {
    const triggers = place === 1 ? (isAdding ? TRIGGERS.length : -TRIGGERS.length) : 0;
    return edit(one, isAdding, triggers);
  });
}

const DROP = `
  DROP FUNCTION IF EXISTS latchkey.project_access;
  DROP FUNCTION IF EXISTS latchkey.projects_of;
  DROP TABLE IF EXISTS latchkey.project_membership_roles, latchkey.project_memberships, latchkey.project_roles,
    latchkey.projects`;
