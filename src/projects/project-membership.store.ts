import { Injectable } from '@nestjs/common';
import type { SqlRunner } from '../database/sql-runner';
import type { TemporaryTime } from './temporary-access';

/** One role of a member. */
export interface NewMembershipRole {
  /** The slug of a built-in role, or `custom`. */
  readonly role: string;
  /** Which one, for `custom`. */
  readonly projectRoleId?: string | null;
  /** Null for a permanent role. */
  readonly time?: TemporaryTime | null;
}

/** A member of a project. */
export interface ProjectMember {
  readonly projectId: string;
  readonly identityId: string;
}

/** The one writer of the memberships of projects, and of their roles. */
@Injectable()
export class ProjectMembershipStore {
  /** The id of the membership; undefined if the identity is a member already. */
  async insert(
    run: SqlRunner,
    { projectId, identityId }: ProjectMember,
    roles: readonly NewMembershipRole[],
  ): Promise<string | undefined> {
    const [row] = await run<{ id: string }>(INSERT, [projectId, identityId]);
    if (row !== undefined) await this.addRoles(run, row.id, roles);
    return row?.id;
  }

  /** Replaces all roles of a member. */
  async setRoles(run: SqlRunner, membershipId: string, roles: readonly NewMembershipRole[]): Promise<void> {
    await run('DELETE FROM latchkey.project_membership_roles WHERE membership_id = $1', [membershipId]);
    await this.addRoles(run, membershipId, roles);
    await run('UPDATE latchkey.project_memberships SET updated_at = CURRENT_TIMESTAMP WHERE id = $1', [membershipId]);
  }

  async delete(run: SqlRunner, membershipId: string): Promise<void> {
    await run('DELETE FROM latchkey.project_memberships WHERE id = $1', [membershipId]);
  }

  /** The id of an identity's own membership; undefined if it is not a member itself. */
  async find(run: SqlRunner, { projectId, identityId }: ProjectMember): Promise<string | undefined> {
    const [row] = await run<{ id: string }>(FIND, [projectId, identityId]);
    return row?.id;
  }

  /** Whether a project has an administrator that is one itself and for good. */
  async hasAdministrator(run: SqlRunner, projectId: string): Promise<boolean> {
    const [row] = await run<{ has: boolean }>(HAS_ADMINISTRATOR, [projectId]);
    return row!.has;
  }

  /** In the order in which they are given. */
  private async addRoles(run: SqlRunner, membershipId: string, roles: readonly NewMembershipRole[]): Promise<void> {
    const values = [
      roles.map(({ role }) => role),
      roles.map(({ projectRoleId = null }) => projectRoleId),
      roles.map(({ time }) => time?.range ?? null),
      roles.map(({ time }) => time?.startsAt ?? null),
      roles.map(({ time }) => time?.endsAt ?? null),
    ];
    await run(INSERT_ROLES, [membershipId, ...values]);
  }
}

const INSERT = `
  INSERT INTO latchkey.project_memberships (project_id, actor_id, identity_id) VALUES ($1, $2, $2)
  ON CONFLICT (actor_id, project_id) DO NOTHING
  RETURNING id`;

const INSERT_ROLES = `
  INSERT INTO latchkey.project_membership_roles
    (membership_id, actor_id, position, role, project_role_id, temporary_range, starts_at, ends_at)
  SELECT m.id, m.actor_id, one.position, one.role, one.project_role_id, one.temporary_range, one.starts_at, one.ends_at
    FROM latchkey.project_memberships m,
         unnest($2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[])
           WITH ORDINALITY AS one (role, project_role_id, temporary_range, starts_at, ends_at, position)
   WHERE m.id = $1`;

const FIND = 'SELECT id FROM latchkey.project_memberships WHERE project_id = $1 AND actor_id = $2';

const HAS_ADMINISTRATOR = `
  SELECT EXISTS (
    SELECT FROM latchkey.project_memberships m
      JOIN latchkey.project_membership_roles r ON r.membership_id = m.id AND r.role = 'admin' AND r.ends_at IS NULL
     WHERE m.project_id = $1 AND m.identity_id IS NOT NULL) AS has`;
