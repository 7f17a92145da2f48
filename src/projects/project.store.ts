import { Injectable } from '@nestjs/common';
import { randomText } from '../common/crypto/random-text';
import type { SqlRunner } from '../database/sql-runner';

/** Hints for clients. Latchkey keeps them, and nothing rests on them. */
export interface ProjectSettings {
  readonly autoCapitalization?: boolean;
  readonly secretSharing?: boolean;
  readonly showSnapshotsLegacy?: boolean;
  readonly enforceEncryptedSecretManagerSecretMetadata?: boolean;
  readonly pitVersionLimit?: number;
}

export interface Project {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly slug: string;
  readonly description: string | null;
  readonly hasDeleteProtection: boolean;
  readonly settings: ProjectSettings;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type ProjectProperties = Omit<Project, 'id' | 'organizationId' | 'createdAt' | 'updatedAt'>;

/** The one writer of projects. */
@Injectable()
export class ProjectStore {
  /** Undefined if another project of the organization has the slug. */
  async insert(run: SqlRunner, organizationId: string, project: ProjectProperties): Promise<Project | undefined> {
    const { name, slug, description, hasDeleteProtection, settings } = project;
    const values = [organizationId, name, slug, description, hasDeleteProtection, JSON.stringify(settings)];
    const [row] = await run<Project>(INSERT, values);
    return row;
  }

  /** Undefined if another project of the organization has the slug. */
  async update(run: SqlRunner, id: string, project: ProjectProperties): Promise<Project | undefined> {
    const { name, slug, description, hasDeleteProtection, settings } = project;
    try {
      const values = [id, name, slug, description, hasDeleteProtection, JSON.stringify(settings)];
      const [row] = await run<Project>(UPDATE, values);
      return row;
    } catch (error) {
      if (isSlugTaken(error)) return undefined;
      throw error;
    }
  }

  async delete(run: SqlRunner, id: string): Promise<void> {
    await run('DELETE FROM latchkey.projects WHERE id = $1', [id]);
  }

  /** A project, locked until the transaction ends: its members and roles are changed by one transaction at a time. */
  async hold(run: SqlRunner, id: string, organizationId: string): Promise<Project | undefined> {
    const [row] = await run<Project>(`${BY_ID} FOR NO KEY UPDATE`, [id, organizationId]);
    return row;
  }

  async find(run: SqlRunner, id: string, organizationId: string): Promise<Project | undefined> {
    const [row] = await run<Project>(BY_ID, [id, organizationId]);
    return row;
  }

  /** Projects that an identity is in, in the order of their ids. */
  async ofMember(run: SqlRunner, identityId: string, page: { after: string; limit: number }): Promise<Project[]> {
    return run<Project>(OF_MEMBER, [identityId, page.after, page.limit]);
  }
}

/** The part of a name that fits into an address, and four random characters to tell equal names apart. */
export function projectSlugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['project'];
  return `${words.join('-').slice(0, 31).replace(/-$/, '')}-${randomText(4, 'abcdefghijklmnopqrstuvwxyz0123456789')}`;
}

function isSlugTaken(error: unknown): boolean {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return code === '23505' && constraint === 'uq_projects_slug';
}

const COLUMNS = `
  p.id, p.organization_id AS "organizationId", p.name, p.slug, p.description,
  p.has_delete_protection AS "hasDeleteProtection", p.settings, p.created_at AS "createdAt", p.updated_at AS "updatedAt"`;

const INSERT = `
  INSERT INTO latchkey.projects AS p (organization_id, name, slug, description, has_delete_protection, settings)
  VALUES ($1, $2, $3, $4, $5, $6::jsonb)
  ON CONFLICT (organization_id, slug) DO NOTHING
  RETURNING ${COLUMNS}`;

const UPDATE = `
  UPDATE latchkey.projects p
     SET name = $2, slug = $3, description = $4, has_delete_protection = $5, settings = $6::jsonb, updated_at = CURRENT_TIMESTAMP
   WHERE id = $1
  RETURNING ${COLUMNS}`;

const BY_ID = `SELECT ${COLUMNS} FROM latchkey.projects p WHERE p.id = $1 AND p.organization_id = $2`;

// Both sides are walked in the order of an index, from the cursor on.
const OF_MEMBER = `
  SELECT ${COLUMNS}
    FROM (SELECT id FROM latchkey.projects_of($1, $2, $3) AS one (id)) AS of_member
    JOIN latchkey.projects p ON p.id = of_member.id
   ORDER BY p.id`;
