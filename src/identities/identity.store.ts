import { Injectable } from '@nestjs/common';
import type { IdentityMetadata } from '../database/entities/identity-metadata.entity';
import { Identity } from '../database/entities/identity.entity';
import { OrganizationMembership } from '../database/entities/organization-membership.entity';
import type { SqlRunner } from '../database/sql-runner';

/** The properties of a new identity. */
export interface NewIdentity {
  readonly organizationId: string;
  readonly name: string;
  /** The slug of a built-in role, or `custom`. */
  readonly role: string;
  /** Which one, for `custom`. */
  readonly customRoleId?: string | null;
  readonly hasDeleteProtection?: boolean;
  readonly isInstanceAdmin?: boolean;
}

/** A label of an identity. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

/** The method by which an identity was given a token, and when. */
export interface NotedLogin {
  readonly method: string;
  readonly at: Date;
}

/** An identity that is about to be changed. */
export interface HeldIdentity {
  readonly membershipId: string;
  readonly organizationId: string;
  readonly name: string;
  readonly role: string;
  readonly hasDeleteProtection: boolean;
}

/** An identity as it was when it was deleted. */
type DeletedIdentity = Pick<Identity, 'organizationId' | 'name' | 'hasDeleteProtection'>;

interface InsertedRow {
  readonly id: string;
  readonly membershipId: string;
  readonly createdAt: Date;
}

/**
 * The one writer of identities, their memberships and their labels. It takes any `SqlRunner`, in a transaction of Latchkey's or
 * of a host's.
 */
@Injectable()
export class IdentityStore {
  /** An identity and its membership; undefined where there is no such organization. */
  async insert(
    run: SqlRunner,
    {
      organizationId,
      name,
      role,
      hasDeleteProtection = false,
      isInstanceAdmin = false,
      customRoleId = null,
    }: NewIdentity,
  ): Promise<{ identity: Identity; membership: OrganizationMembership } | undefined> {
    const values = [organizationId, name, hasDeleteProtection, isInstanceAdmin, role, customRoleId];
    const [row] = await run<InsertedRow>(INSERT, values);
    if (row === undefined) return undefined;
    const { id: identityId, membershipId, createdAt } = row;
    const times = { createdAt, updatedAt: createdAt };
    const own = { organizationId, name, hasDeleteProtection, isInstanceAdmin };
    const identity = Object.assign(new Identity(), { id: identityId, ...own, ...times });
    const never = { isActive: true, lastLoginAuthMethod: null, lastLoginAt: null };
    const joined = { id: membershipId, organizationId, identityId, role, customRoleId, ...never, ...times };
    return { identity, membership: Object.assign(new OrganizationMembership(), joined) };
  }

  /** Changes what is given, and answers when that was. */
  async update(
    run: SqlRunner,
    identityId: string,
    { name, hasDeleteProtection }: { readonly name: string; readonly hasDeleteProtection: boolean },
  ): Promise<Date> {
    const [row] = await run<{ updatedAt: Date }>(UPDATE, [identityId, name, hasDeleteProtection]);
    return row!.updatedAt;
  }

  /** An identity and its membership, locked until the transaction ends; undefined where there is no such identity. */
  async hold(run: SqlRunner, identityId: string, organizationId: string | null): Promise<HeldIdentity | undefined> {
    const [row] = await run<HeldIdentity>(HOLD, [identityId, organizationId]);
    return row;
  }

  /** @param role the slug of a built-in role, or `custom`, and then also the id of the role. */
  async setRole(run: SqlRunner, membershipId: string, role: string, customRoleId: string | null = null): Promise<void> {
    await run(SET_ROLE, [membershipId, role, customRoleId]);
  }

  /** Notes that the identity was given a token, and locks its membership by that. False where there is no such identity. */
  async noteLogin(
    run: SqlRunner,
    { identityId, organizationId }: { readonly identityId: string; readonly organizationId: string | null },
    login: NotedLogin,
  ): Promise<boolean> {
    const noted = await run(NOTE_LOGIN, [identityId, organizationId, login.method, login.at]);
    return noted.length === 1;
  }

  /** Notes a login, unless another transaction holds the membership: another login, which notes the same, or a manager. */
  async noteLoginUnlessLocked(run: SqlRunner, membershipId: string, { method, at }: NotedLogin): Promise<void> {
    await run(NOTE_LOGIN_UNLESS_LOCKED, [membershipId, method, at]);
  }

  async replaceLabels(run: SqlRunner, identityId: string, labels: readonly Label[]): Promise<IdentityMetadata[]> {
    await run(DELETE_LABELS, [identityId]);
    return this.addLabels(run, identityId, labels);
  }

  /** In the order in which they were given. */
  async addLabels(run: SqlRunner, identityId: string, labels: readonly Label[]): Promise<IdentityMetadata[]> {
    if (labels.length === 0) return [];
    const columns = [labels.map(({ key }) => key), labels.map(({ value }) => value)];
    const inserted = await run<IdentityMetadata>(INSERT_LABELS, [identityId, ...columns]);
    return inserted.sort((one, other) => one.position - other.position);
  }

  /**
   * Deletes an identity with its membership, labels, auth methods and client secrets.
   *
   * @param organizationId the only organization that the identity may belong to; null for any.
   * @returns the organization that the identity belonged to; undefined where there was no such identity.
   */
  async delete(
    run: SqlRunner,
    identityId: string,
    organizationId: string | null,
  ): Promise<DeletedIdentity | undefined> {
    const [deleted] = await run<DeletedIdentity>(DELETE, [identityId, organizationId]);
    return deleted;
  }
}

// An organization that is not there inserts nothing. A foreign key would end the transaction, which may be a host's.
const INSERT = `
  WITH identity AS (
    INSERT INTO latchkey.identities (organization_id, name, has_delete_protection, is_instance_admin)
    SELECT id, $2, $3, $4 FROM latchkey.organizations WHERE id = $1
    RETURNING id, organization_id, created_at
  ), membership AS (
    INSERT INTO latchkey.organization_memberships (organization_id, identity_id, role, custom_role_id)
    SELECT organization_id, id, $5, $6::uuid FROM identity
    RETURNING id, identity_id
  )
  SELECT identity.id, membership.id AS "membershipId", identity.created_at AS "createdAt"
    FROM identity JOIN membership ON membership.identity_id = identity.id`;

const UPDATE = `
  UPDATE latchkey.identities SET name = $2, has_delete_protection = $3, updated_at = CURRENT_TIMESTAMP WHERE id = $1
  RETURNING updated_at AS "updatedAt"`;

// The membership first: it is what changes of an identity wait for.
const HOLD = `
  SELECT m.id AS "membershipId", i.organization_id AS "organizationId", i.name, m.role,
         i.has_delete_protection AS "hasDeleteProtection"
    FROM latchkey.organization_memberships m
    JOIN latchkey.identities i ON i.id = m.identity_id AND i.organization_id = m.organization_id
   WHERE i.id = $1 AND ($2::uuid IS NULL OR i.organization_id = $2) FOR NO KEY UPDATE OF m, i`;

// A stronger lock than the update itself takes. A token that is revoked by presenting it waits for this one, and for no other
// change of the membership: whether an administrator is left depends on the role.
const SET_ROLE = `
  WITH membership AS MATERIALIZED (
    SELECT id FROM latchkey.organization_memberships WHERE id = $1 FOR UPDATE
  )
  UPDATE latchkey.organization_memberships m SET role = $2, custom_role_id = $3::uuid, updated_at = CURRENT_TIMESTAMP
    FROM membership WHERE m.id = membership.id`;

const NOTE_LOGIN = `
  UPDATE latchkey.organization_memberships m SET last_login_auth_method = $3, last_login_at = $4, updated_at = CURRENT_TIMESTAMP
    FROM latchkey.identities i
   WHERE i.id = $1 AND m.identity_id = i.id AND m.organization_id = i.organization_id
     AND ($2::uuid IS NULL OR i.organization_id = $2)
  RETURNING m.id`;

const NOTE_LOGIN_UNLESS_LOCKED = `
  UPDATE latchkey.organization_memberships SET last_login_auth_method = $2, last_login_at = $3
   WHERE id = (SELECT id FROM latchkey.organization_memberships WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED)`;

const DELETE_LABELS = 'DELETE FROM latchkey.identity_metadata WHERE identity_id = $1';

const INSERT_LABELS = `
  INSERT INTO latchkey.identity_metadata (identity_id, key, value, position)
  SELECT $1, key, value, position - 1 FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS m (key, value, position)
  RETURNING id, identity_id AS "identityId", key, value, position`;

const DELETE = `
  DELETE FROM latchkey.identities WHERE id = $1 AND ($2::uuid IS NULL OR organization_id = $2)
  RETURNING organization_id AS "organizationId", name, has_delete_protection AS "hasDeleteProtection"`;
