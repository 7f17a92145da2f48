import { Injectable } from '@nestjs/common';
import type { SqlRunner } from '../database/sql-runner';
import { packed, type Rule } from '../permissions/rules/rule';

/** The most roles that one project makes itself. Lists have them all. */
export const MOST_PROJECT_ROLES = 1_000;

/** A role that a project has made itself. */
export interface ProjectRole {
  readonly id: string;
  readonly projectId: string;
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
  /** The rules, packed. */
  readonly permissions: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The properties of a role that clients set. */
export interface ProjectRoleProperties {
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
  readonly rules: readonly Rule[];
}

/** Some of the members that have a role, and how many there are. */
export interface RoleHolders {
  readonly first: readonly { readonly id: string; readonly name: string }[];
  readonly count: number;
}

/** Why a role could not be written. */
export type RefusedRole = 'slug_taken' | 'too_many';

/** The one writer of the roles that projects make. The project is locked whenever one is written. */
@Injectable()
export class ProjectRoleStore {
  /** Roles of a project by their slugs. */
  async bySlugs(run: SqlRunner, projectId: string, slugs: readonly string[]): Promise<Map<string, ProjectRole>> {
    if (slugs.length === 0) return new Map();
    const rows = await run<ProjectRole>(BY_SLUGS, [projectId, slugs]);
    return new Map(rows.map((row) => [row.slug, row]));
  }

  /** Without their rules, in the order of their slugs. */
  async list(run: SqlRunner, projectId: string): Promise<Omit<ProjectRole, 'permissions'>[]> {
    return run<Omit<ProjectRole, 'permissions'>>(LIST, [projectId, MOST_PROJECT_ROLES]);
  }

  async find(run: SqlRunner, projectId: string, id: string): Promise<ProjectRole | undefined> {
    const [row] = await run<ProjectRole>(BY_ID, [projectId, id]);
    return row;
  }

  /** The project of a role, if it is one of the organization. */
  async projectOf(run: SqlRunner, id: string, organizationId: string): Promise<string | undefined> {
    const [row] = await run<{ projectId: string }>(PROJECT_OF, [id, organizationId]);
    return row?.projectId;
  }

  async insert(run: SqlRunner, projectId: string, role: ProjectRoleProperties): Promise<ProjectRole | RefusedRole> {
    const { slug, name, description, rules } = role;
    const values = [projectId, slug, name, description, JSON.stringify(packed(rules)), MOST_PROJECT_ROLES];
    const [row] = await run<ProjectRole>(INSERT, values);
    if (row !== undefined) return row;
    const [same] = await run<object>(BY_SLUGS, [projectId, [slug]]);
    return same === undefined ? 'too_many' : 'slug_taken';
  }

  async update(run: SqlRunner, id: string, role: ProjectRoleProperties): Promise<ProjectRole> {
    const { slug, name, description, rules } = role;
    const [row] = await run<ProjectRole>(UPDATE, [id, slug, name, description, JSON.stringify(packed(rules))]);
    return row!;
  }

  /** Whether a member that has the role has more conditions than this in all its roles. */
  async isBeyond(run: SqlRunner, id: string, mostConditions: number): Promise<boolean> {
    return (await run(BEYOND, [id, mostConditions])).length > 0;
  }

  async delete(run: SqlRunner, id: string): Promise<void> {
    await run('DELETE FROM latchkey.project_roles WHERE id = $1', [id]);
  }

  /** @param most how many holders to name. */
  async holders(run: SqlRunner, id: string, most: number): Promise<RoleHolders> {
    const first = await run<RoleHolders['first'][number]>(HOLDERS, [id, most]);
    const [row] = await run<{ count: number }>(COUNT_HOLDERS, [id]);
    return { first, count: row!.count };
  }
}

const COLUMNS = `
  id, project_id AS "projectId", slug, name, description, permissions, created_at AS "createdAt",
  updated_at AS "updatedAt"`;

const BY_SLUGS = `SELECT ${COLUMNS} FROM latchkey.project_roles WHERE project_id = $1 AND slug = ANY ($2::text[])`;

const BY_ID = `SELECT ${COLUMNS} FROM latchkey.project_roles WHERE project_id = $1 AND id = $2`;

const LIST = `
  SELECT id, project_id AS "projectId", slug, name, description, created_at AS "createdAt", updated_at AS "updatedAt"
    FROM latchkey.project_roles WHERE project_id = $1 ORDER BY slug LIMIT $2`;

const PROJECT_OF = `
  SELECT r.project_id AS "projectId" FROM latchkey.project_roles r JOIN latchkey.projects p ON p.id = r.project_id
   WHERE r.id = $1 AND p.organization_id = $2`;

const INSERT = `
  INSERT INTO latchkey.project_roles (project_id, slug, name, description, permissions)
  SELECT $1, $2, $3, $4, $5::jsonb
   WHERE (SELECT count(*) FROM latchkey.project_roles WHERE project_id = $1) < $6
  ON CONFLICT (project_id, slug) DO NOTHING
  RETURNING ${COLUMNS}`;

const UPDATE = `
  UPDATE latchkey.project_roles
     SET slug = $2, name = $3, description = $4, permissions = $5::jsonb, updated_at = CURRENT_TIMESTAMP
   WHERE id = $1
  RETURNING ${COLUMNS}`;

// The conditions of each role are counted once, however many members have it. Rules are packed: the third part has the conditions.
const BEYOND = `
  WITH held AS (
    SELECT g.membership_id, g.project_role_id AS role_id
      FROM latchkey.project_membership_roles g
     WHERE g.project_role_id IS NOT NULL
       AND g.membership_id IN (SELECT membership_id FROM latchkey.project_membership_roles WHERE project_role_id = $1)
  ), sizes AS MATERIALIZED (
    SELECT r.id, count(*) AS size
      FROM latchkey.project_roles r
     CROSS JOIN LATERAL jsonb_array_elements(r.permissions) AS rule
     CROSS JOIN LATERAL jsonb_path_query(rule -> 2, 'strict $.** ? (@.type() == "string")') AS text
     WHERE r.id IN (SELECT role_id FROM held)
     GROUP BY r.id
  )
  SELECT 1 FROM held JOIN sizes ON sizes.id = held.role_id
   GROUP BY held.membership_id HAVING sum(sizes.size) > $2 LIMIT 1`;

const HOLDERS = `
  SELECT i.id, i.name
    FROM latchkey.project_memberships m JOIN latchkey.identities i ON i.id = m.identity_id
   WHERE m.id IN (SELECT membership_id FROM latchkey.project_membership_roles WHERE project_role_id = $1)
   ORDER BY i.name, i.id LIMIT $2`;

const COUNT_HOLDERS = `
  SELECT count(DISTINCT membership_id)::integer AS count
    FROM latchkey.project_membership_roles WHERE project_role_id = $1`;
