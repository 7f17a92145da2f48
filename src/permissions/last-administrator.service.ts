import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { USES_REFILLED } from '../access-tokens/uses-refilled';
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
  /** A method of the identity that its holder could no longer use from its present address after the change. */
  readonly unreachableMethod?: string;
}

/** A credential that ends earlier does not stand in for another one: a mistake must be noticed and undone with what is left. */
const MARGIN_MS = 3_600_000;
/** The same for uses: finding an identity, attaching a method, issuing a token and trying it. */
const LEAST_USES = 10;

/**
 * Keeps an administrator in every organization, and one of the instance (decision 35): an identity that holds `admin` and has a
 * usable token or a way to log in. It is the one check for everything that takes rights or credentials away.
 *
 * A change takes an administrator away if none is left now, or none whose credential lasts: for an hour and ten uses, and with a
 * method through which a login has succeeded since it was configured.
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
    const now = this.clock.now();
    const lasting = new Date(now.getTime() + MARGIN_MS);
    const question = [administrator.organizationId, administrator.isInstanceAdmin, now, lasting];
    const unreachable = [target.identityId, target.unreachableMethod ?? null];
    const before = await standing(query, [...question, null, null]);
    // In a transaction of the host, which may continue with it.
    await query('SAVEPOINT latchkey_last_administrator');
    const changed = await change();
    if (hasLostAdministrator(before, await standing(query, [...question, ...unreachable]))) {
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

/** Whether the organization has an administrator, and the instance: now, and with a credential that lasts. */
interface Standing {
  readonly organization: boolean;
  readonly organizationLasts: boolean;
  readonly instance: boolean;
  readonly instanceLasts: boolean;
}

function hasLostAdministrator(before: Standing, after: Standing): boolean {
  return Object.entries(before).some(([what, stood]) => stood && !after[what as keyof Standing]);
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

/** SQL expressions: what a credential must still be good for. */
interface Demand {
  readonly moment: string;
  readonly leastUses: number;
  /** A condition on a method `a`. */
  readonly method: string;
  /** The same for a method through which logins need no secret of Latchkey's. */
  readonly login: string;
  /** A condition on a token or a client secret `t`. */
  readonly credential: string;
}

/**
 * A condition on a membership `m`: whether its identity is an administrator that has a usable token, or a way to log in, at a
 * moment. Most methods keep the credentials of logins elsewhere; Universal Auth needs a usable client secret. Token Auth has no
 * login: it needs a token.
 */
export function canAdministrate(moment: string, method = 'true'): string {
  return administrating({ moment, leastUses: 1, method, login: 'true', credential: 'true' });
}

/**
 * The same for a credential that stands in for others: it has ten uses left, and nothing is about to replace it. A method whose
 * credentials are kept elsewhere counts if a login has succeeded since it was configured.
 */
export function lastsAsAdministrator(moment: string, method = 'true'): string {
  return administrating({
    moment,
    leastUses: LEAST_USES,
    method,
    login: HAS_LOGGED_IN,
    credential: 't.rotated_to IS NULL',
  });
}

// The newest tokens are checked first, because those are the usable ones.
function administrating({ moment, leastUses, method, login, credential }: Demand): string {
  return `m.role = 'admin' AND m.is_active AND EXISTS (
    SELECT FROM latchkey.identity_auth_methods a
     WHERE a.identity_id = m.identity_id AND ${method} AND (
       (a.method NOT IN ('token-auth', 'universal-auth') AND ${login})
       OR EXISTS (
         SELECT FROM latchkey.client_secrets t
          WHERE t.auth_method_id = a.id AND t.revoked_at IS NULL AND t.created_at >= latchkey.client_secrets_from()
            AND ${credential} AND (t.num_uses_limit = 0 OR t.num_uses_limit - t.num_uses >= ${leastUses})
            AND (t.ttl = 0 OR t.created_at + t.ttl * interval '1 second' > ${moment})
            AND (t.ends_at IS NULL OR t.ends_at > ${moment}))
       OR (SELECT true FROM latchkey.identity_access_tokens t
            WHERE t.identity_id = m.identity_id AND t.auth_method = a.method AND t.auth_method_id = a.id
              AND t.organization_id = m.organization_id AND ${credential}
              AND t.revoked_at IS NULL AND t.created_at >= latchkey.tokens_from() AND (t.expires_at IS NULL OR t.expires_at > ${moment})
              AND t.disabled_at IS NULL AND t.permissions IS NULL AND (t.ends_at IS NULL OR t.ends_at > ${moment})
              AND (t.num_uses_limit = 0 OR t.num_uses_limit - t.num_uses + ${USES_REFILLED} >= ${leastUses})
              AND (t.client_secret_id IS NULL OR EXISTS (
                SELECT FROM latchkey.client_secrets s WHERE s.id = t.client_secret_id AND s.revoked_at IS NULL))
            ORDER BY t.created_at DESC, t.id DESC LIMIT 1)))`;
}

/** Tokens of a method come from its logins. They are kept for a time after their end. */
const HAS_LOGGED_IN = `EXISTS (
         SELECT FROM latchkey.identity_access_tokens t
          WHERE t.identity_id = a.identity_id AND t.auth_method = a.method AND t.auth_method_id = a.id
            AND t.created_at >= a.updated_at)`;

const anyOfOrganization = (condition: string) => `
  EXISTS (SELECT FROM latchkey.organization_memberships m WHERE m.organization_id = $1 AND ${condition})`;

const anyOfInstance = (condition: string) => `
  $2::boolean AND EXISTS (
    SELECT FROM latchkey.identities i
      JOIN latchkey.organization_memberships m ON m.identity_id = i.id AND m.organization_id = i.organization_id
     WHERE i.is_instance_admin AND ${condition})`;

const REACHABLE = 'NOT coalesce(a.identity_id = $5::uuid AND a.method = $6::text, false)';
const NOW = canAdministrate('$3::timestamptz', REACHABLE);
const LASTING = lastsAsAdministrator('$4::timestamptz', REACHABLE);

const STANDING = `
  SELECT ${anyOfOrganization(NOW)} AS organization, ${anyOfOrganization(LASTING)} AS "organizationLasts",
         ${anyOfInstance(NOW)} AS instance, ${anyOfInstance(LASTING)} AS "instanceLasts"`;
