import { Injectable } from '@nestjs/common';
import { CustomRole } from '../database/entities/custom-role.entity';
import type { SqlRunner } from '../database/sql-runner';
import type { Rule } from '../permissions/rules/rule';
import { packed } from '../permissions/rules/rule';
import type { RoleHolder } from './roles.errors';

/** The most roles of one organization. Lists have them all. */
export const MOST_ROLES = 1_000;

/** The properties of a role that clients set. */
export interface RoleProperties {
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
  readonly rules: readonly Rule[];
}

/** Some of the identities that have a role, and how many there are. */
export interface Holders {
  readonly first: readonly RoleHolder[];
  readonly count: number;
}

/** Why a role could not be written. */
export type Refused = 'slug_taken' | 'too_many';

/** The one writer of roles. */
@Injectable()
export class RoleStore {
  async insert(run: SqlRunner, organizationId: string, role: RoleProperties): Promise<CustomRole | Refused> {
    const { slug, name, description, rules } = role;
    const values = [organizationId, slug, name, description, JSON.stringify(packed(rules)), MOST_ROLES];
    const [row] = await run<CustomRole>(INSERT, values);
    if (row !== undefined) return Object.assign(new CustomRole(), row);
    const [count] = await run<{ isFull: boolean }>(IS_FULL, [organizationId, MOST_ROLES]);
    return count?.isFull ? 'too_many' : 'slug_taken';
  }

  async update(run: SqlRunner, id: string, role: RoleProperties): Promise<CustomRole | Refused> {
    const { slug, name, description, rules } = role;
    try {
      const [row] = await run<CustomRole>(UPDATE, [id, slug, name, description, JSON.stringify(packed(rules))]);
      return Object.assign(new CustomRole(), row!);
    } catch (error) {
      if (isSlugTaken(error)) return 'slug_taken';
      throw error;
    }
  }

  async delete(run: SqlRunner, id: string): Promise<void> {
    await run('DELETE FROM latchkey.roles WHERE id = $1', [id]);
  }

  /** A role by its id, locked until the transaction ends: nothing changes it meanwhile, and it is given to no identity. */
  async hold(run: SqlRunner, id: string, organizationId: string): Promise<CustomRole | undefined> {
    const [row] = await run<CustomRole>(`${BY_ID} FOR UPDATE`, [id, organizationId]);
    return row && Object.assign(new CustomRole(), row);
  }

  /** A role by its slug, locked until the transaction ends: it is neither changed nor deleted meanwhile. */
  async holdBySlug(run: SqlRunner, slug: string, organizationId: string): Promise<CustomRole | undefined> {
    const [row] = await run<CustomRole>(`${BY_SLUG} FOR SHARE`, [slug, organizationId]);
    return row && Object.assign(new CustomRole(), row);
  }

  /** Whether an instance administrator has the role. It looks at these few alone: a role may have any number of holders. */
  async hasInstanceAdmin(run: SqlRunner, id: string): Promise<boolean> {
    const [row] = await run<{ isHeld: boolean }>(HAS_INSTANCE_ADMIN, [id]);
    return row!.isHeld;
  }

  /** @param most how many holders to name. */
  async holders(run: SqlRunner, id: string, most: number): Promise<Holders> {
    const first = await run<RoleHolder>(HOLDERS, [id, most]);
    const [row] = await run<{ count: number }>(COUNT_HOLDERS, [id]);
    return { first, ...row! };
  }
}

function isSlugTaken(error: unknown): boolean {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return code === '23505' && constraint === 'uq_roles_slug';
}

const COLUMNS = `
  id, organization_id AS "organizationId", scope, slug, name, description, permissions,
  created_at AS "createdAt", updated_at AS "updatedAt"`;

const INSERT = `
  INSERT INTO latchkey.roles (organization_id, slug, name, description, permissions)
  SELECT $1, $2, $3, $4, $5::jsonb
   WHERE (SELECT count(*) FROM latchkey.roles WHERE organization_id = $1 AND scope = 'organization') < $6
  ON CONFLICT (organization_id, slug) WHERE scope = 'organization' DO NOTHING
  RETURNING ${COLUMNS}`;

const IS_FULL = `
  SELECT count(*) >= $2 AS "isFull" FROM latchkey.roles WHERE organization_id = $1 AND scope = 'organization'`;

const UPDATE = `
  UPDATE latchkey.roles SET slug = $2, name = $3, description = $4, permissions = $5::jsonb, updated_at = CURRENT_TIMESTAMP
   WHERE id = $1
  RETURNING ${COLUMNS}`;

const BY_ID = `
  SELECT ${COLUMNS} FROM latchkey.roles WHERE id = $1 AND organization_id = $2 AND scope = 'organization'`;

const BY_SLUG = `
  SELECT ${COLUMNS} FROM latchkey.roles WHERE slug = $1 AND organization_id = $2 AND scope = 'organization'`;

const HOLDERS = `
  SELECT i.id, i.name FROM latchkey.organization_memberships m JOIN latchkey.identities i ON i.id = m.identity_id
   WHERE m.custom_role_id = $1 ORDER BY i.name, i.id LIMIT $2`;

const COUNT_HOLDERS = `
  SELECT count(*)::integer AS count FROM latchkey.organization_memberships m WHERE m.custom_role_id = $1`;

// Kept apart, so that PostgreSQL begins with the index of instance administrators.
const HAS_INSTANCE_ADMIN = `
  WITH administrators AS MATERIALIZED (SELECT id FROM latchkey.identities WHERE is_instance_admin)
  SELECT EXISTS (SELECT FROM administrators a JOIN latchkey.organization_memberships m ON m.identity_id = a.id
                  WHERE m.custom_role_id = $1) AS "isHeld"`;
