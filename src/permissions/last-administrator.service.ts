import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { isId } from '../common/ids';
import type { SqlRunner } from '../database/sql-runner';
import { LastAdministratorError } from './permissions.errors';

/** The identity from which something is about to be taken. */
export interface HolderOfRights {
  readonly identityId: string;
  /** The only organization in which the identity may be; null or left out for any. */
  readonly organizationId?: string | null;
  /**
   * Whether the change waits only for changes of the identity's role, and not for other changes by its managers. Revoking a token
   * must succeed while a manager or a host's transaction holds the identity.
   */
  readonly waitsForRolesOnly?: boolean;
}

/**
 * Keeps an administrator in every organization, and one of the instance (decision 35): an identity that holds `admin` and has a
 * usable token or a way to log in. It is the one check for everything that takes rights or credentials away.
 */
@Injectable()
export class LastAdministratorService {
  constructor(private readonly clock: Clock) {}

  /**
   * Makes a change, and undoes it if it leaves no administrator. Changes of administrators of one organization happen one after
   * another, on any number of nodes.
   *
   * @throws LastAdministratorError
   */
  async keep<T>(query: SqlRunner, target: HolderOfRights, change: () => Promise<T>): Promise<T> {
    const administrator = isId(target.identityId) ? await hold(query, target) : undefined;
    if (administrator === undefined) return change();
    const question = [administrator.organizationId, administrator.isInstanceAdmin, this.clock.now()];
    const before = await standing(query, question);
    // In a transaction of the host, which may continue with it.
    await query('SAVEPOINT latchkey_last_administrator');
    const changed = await change();
    if (hasLostAdministrator(before, await standing(query, question))) {
      await query('ROLLBACK TO SAVEPOINT latchkey_last_administrator');
      throw new LastAdministratorError();
    }
    await query('RELEASE SAVEPOINT latchkey_last_administrator');
    return changed;
  }

  /** The same for a change that takes a token away; a token that does not exist takes nothing. */
  async keepForToken<T>(
    query: SqlRunner,
    { tokenId, organizationId = null }: { tokenId: string; organizationId?: string | null },
    revoke: () => Promise<T>,
  ): Promise<T> {
    const [token] = await query<{ identityId: string }>(HOLDER, [tokenId]);
    if (token === undefined) return revoke();
    return this.keep(query, { ...token, organizationId, waitsForRolesOnly: true }, revoke);
  }
}

interface Administrator {
  readonly organizationId: string;
  readonly isInstanceAdmin: boolean;
  readonly isAdmin: boolean;
}

/**
 * The identity if it is an administrator, locked so that no other transaction changes an administrator of its organization
 * meanwhile. Locks are taken in the order instance, organization, membership, so that no two transactions wait for each other.
 *
 * The membership of any other identity is locked too. Otherwise a manager could promote that identity and demote another one for
 * it, while the identity's last credential is being taken away.
 */
async function hold(query: SqlRunner, target: HolderOfRights): Promise<Administrator | undefined> {
  const whose = [target.identityId, target.organizationId ?? null];
  const [seen] = await query<Administrator>(LOOK, whose);
  const isAdmin = seen?.isAdmin === true;
  if (isAdmin) await lock(query, seen);
  const [held] = await query<Administrator>(`${LOOK} ${lockFor(target, isAdmin)}`, whose);
  if (!held?.isAdmin) return undefined;
  // The identity became an administrator a moment ago.
  if (!isAdmin) await lock(query, held);
  return held;
}

function lockFor({ waitsForRolesOnly = false }: HolderOfRights, isAdmin: boolean): string {
  return waitsForRolesOnly && !isAdmin ? AGAINST_ROLES : AGAINST_CHANGES;
}

async function lock(query: SqlRunner, { organizationId, isInstanceAdmin }: Administrator): Promise<void> {
  if (isInstanceAdmin) await query('SELECT FROM latchkey.instance WHERE id = 1 FOR NO KEY UPDATE');
  await query('SELECT FROM latchkey.organizations WHERE id = $1 FOR NO KEY UPDATE', [organizationId]);
}

/** Whether the organization has an administrator, and the instance. */
interface Standing {
  readonly organization: boolean;
  readonly instance: boolean;
}

function hasLostAdministrator(before: Standing, after: Standing): boolean {
  return (before.organization && !after.organization) || (before.instance && !after.instance);
}

async function standing(query: SqlRunner, question: unknown[]): Promise<Standing> {
  const [row] = await query<Standing>(STANDING, question);
  return row!;
}

const AGAINST_CHANGES = 'FOR NO KEY UPDATE OF m';

/** Conflicts with the lock that a change of the role takes, and a deletion, and with no other. */
const AGAINST_ROLES = 'FOR KEY SHARE OF m';

const HOLDER = 'SELECT identity_id AS "identityId" FROM latchkey.identity_access_tokens WHERE id = $1';

const LOOK = `
  SELECT i.organization_id AS "organizationId", i.is_instance_admin AS "isInstanceAdmin",
         m.role = 'admin' AND m.is_active AS "isAdmin"
    FROM latchkey.identities i
    JOIN latchkey.organization_memberships m ON m.identity_id = i.id AND m.organization_id = i.organization_id
   WHERE i.id = $1 AND ($2::uuid IS NULL OR i.organization_id = $2)`;

/**
 * A condition on a membership `m`: whether its identity is an administrator that has a usable token, or a way to log in, at a
 * moment. Most methods keep the credentials of logins elsewhere; Universal Auth needs a usable client secret. Token Auth has no
 * login: it needs a token. The newest tokens are checked first, because those are the usable ones.
 */
export function canAdministrate(moment: string): string {
  return `m.role = 'admin' AND m.is_active AND EXISTS (
    SELECT FROM latchkey.identity_auth_methods a
     WHERE a.identity_id = m.identity_id AND (
       a.method NOT IN ('token-auth', 'universal-auth')
       OR EXISTS (
         SELECT FROM latchkey.client_secrets s
          WHERE s.auth_method_id = a.id AND s.revoked_at IS NULL AND s.created_at >= latchkey.client_secrets_from()
            AND (s.num_uses_limit = 0 OR s.num_uses < s.num_uses_limit)
            AND (s.ttl = 0 OR s.created_at + s.ttl * interval '1 second' > ${moment}))
       OR (SELECT true FROM latchkey.identity_access_tokens t
            WHERE t.identity_id = m.identity_id AND t.auth_method = a.method AND t.auth_method_id = a.id
              AND t.organization_id = m.organization_id
              AND t.revoked_at IS NULL AND t.created_at >= latchkey.tokens_from() AND (t.expires_at IS NULL OR t.expires_at > ${moment})
              AND t.disabled_at IS NULL AND t.permissions IS NULL AND (t.ends_at IS NULL OR t.ends_at > ${moment})
              AND (t.num_uses_limit = 0 OR t.num_uses < t.num_uses_limit)
              AND (t.client_secret_id IS NULL OR EXISTS (
                SELECT FROM latchkey.client_secrets s WHERE s.id = t.client_secret_id AND s.revoked_at IS NULL))
            ORDER BY t.created_at DESC, t.id DESC LIMIT 1)))`;
}

const STANDING = `
  SELECT EXISTS (
           SELECT FROM latchkey.organization_memberships m
            WHERE m.organization_id = $1 AND ${canAdministrate('$3::timestamptz')}) AS organization,
         $2::boolean AND EXISTS (
           SELECT FROM latchkey.identities i
             JOIN latchkey.organization_memberships m ON m.identity_id = i.id AND m.organization_id = i.organization_id
            WHERE i.is_instance_admin AND ${canAdministrate('$3::timestamptz')}) AS instance`;
