import { Injectable } from '@nestjs/common';
import type { SqlRunner } from '../database/sql-runner';

/** A role of a member, as the database answers it. */
export interface MembershipRoleRow {
  readonly id: string;
  readonly role: string;
  readonly customRoleId: string | null;
  readonly customRoleName: string | null;
  readonly customRoleSlug: string | null;
  readonly range: string | null;
  readonly startsMs: number | null;
  readonly endsMs: number | null;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** A member of a project, with everything that an answer says of it. */
export interface MembershipRow {
  readonly id: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly organizationId: string;
  readonly identityId: string;
  readonly identityName: string;
  readonly hasDeleteProtection: boolean;
  readonly authMethods: string[];
  readonly metadata: { id: string; key: string; value: string }[];
  readonly lastLoginAuthMethod: string | null;
  readonly lastLoginAt: Date | null;
  readonly roles: MembershipRoleRow[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A condition on the identity `i`, and the values of its parameters. */
export interface Condition {
  /** Its parameters are `$1`, `$2` and so on. */
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** The members to read, in an order, from a place on. */
export interface MembershipQuery {
  readonly conditions: readonly Condition[];
  readonly order: string;
  readonly limit: number;
  readonly offset: number;
}

/** Reads memberships: one statement for any number of them. */
@Injectable()
export class ProjectMembershipReads {
  async find(run: SqlRunner, { conditions, order, limit, offset }: MembershipQuery): Promise<MembershipRow[]> {
    const { sql, values } = allOf(conditions);
    return run<MembershipRow>(`${SELECT} WHERE ${sql} ORDER BY ${order} LIMIT ${limit} OFFSET ${offset}`, [...values]);
  }

  /** Counts up to a number. */
  async count(run: SqlRunner, conditions: readonly Condition[], most: number): Promise<number> {
    const { sql, values } = allOf(conditions);
    const [row] = await run<{ count: number }>(
      `SELECT count(*)::integer AS count FROM (SELECT ${FROM} WHERE ${sql} LIMIT ${most}) AS first`,
      [...values],
    );
    return row!.count;
  }
}

/** Several conditions as one: the parameters of each are numbered on. */
export function allOf(conditions: readonly Condition[]): Condition {
  return conditions.reduce(
    (all, one) => ({
      sql: `${all.sql} AND (${one.sql.replace(/\$(\d+)/g, (_, place) => `$${Number(place) + all.values.length}`)})`,
      values: [...all.values, ...one.values],
    }),
    { sql: 'true', values: [] },
  );
}

const FROM = `
    FROM latchkey.project_memberships m
    JOIN latchkey.projects p ON p.id = m.project_id
    JOIN latchkey.identities i ON i.id = m.identity_id`;

const SELECT = `
  SELECT m.id, m.project_id AS "projectId", p.name AS "projectName", p.organization_id AS "organizationId",
         i.id AS "identityId", i.name AS "identityName", i.has_delete_protection AS "hasDeleteProtection",
         m.created_at AS "createdAt", m.updated_at AS "updatedAt",
         o.last_login_auth_method AS "lastLoginAuthMethod", o.last_login_at AS "lastLoginAt",
         (SELECT coalesce(json_agg(a.method ORDER BY a.method), '[]')
            FROM latchkey.identity_auth_methods a WHERE a.identity_id = i.id) AS "authMethods",
         (SELECT coalesce(json_agg(json_build_object('id', l.id, 'key', l.key, 'value', l.value) ORDER BY l.position), '[]')
            FROM latchkey.identity_metadata l WHERE l.identity_id = i.id) AS metadata,
         (SELECT coalesce(json_agg(json_build_object(
                   'id', g.id, 'role', g.role, 'customRoleId', r.id, 'customRoleName', r.name, 'customRoleSlug', r.slug,
                   'range', g.temporary_range, 'startsMs', extract(epoch FROM g.starts_at) * 1000,
                   'endsMs', extract(epoch FROM g.ends_at) * 1000, 'createdMs', extract(epoch FROM g.created_at) * 1000,
                   'updatedMs', extract(epoch FROM g.updated_at) * 1000) ORDER BY g.position, g.id), '[]')
            FROM latchkey.project_membership_roles g
            LEFT JOIN latchkey.project_roles r ON r.id = g.project_role_id
           WHERE g.membership_id = m.id) AS roles
    ${FROM}
    LEFT JOIN latchkey.organization_memberships o
      ON o.identity_id = i.id AND o.organization_id = i.organization_id`;
