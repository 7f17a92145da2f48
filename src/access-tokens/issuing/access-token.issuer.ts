import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';
import { Clock } from '../../common/clock/clock';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { isRestricted, type TrustedIp } from '../../common/net/trusted-ips';
import { isCount } from '../../database/counts';
import { sqlIn, type SqlRunner } from '../../database/sql-runner';
import type { Identity } from '../../database/entities/identity.entity';
import { LatchkeySettings } from '../../latchkey.options';
import { IDENTITY_ACCESS_TOKEN, type IdentityAuth } from '../../database/entities/access-token.claims';
import { AccessTokenKeyring } from './access-token.keyring';
import { AccessTokenStore, type NewKeyRow } from './access-token.store';
import { AccessTokenRefusedError } from './access-tokens.errors';
import { IdentityAccessToken } from '../../database/entities/identity-access-token.entity';
import { FOREVER_SECONDS, type LifetimePolicy, lifetimeSeconds } from './lifetime';

/** The part of an auth method that decides on the tokens that are issued under it. */
export type TokenMethod = LifetimePolicy & Pick<IdentityAuthMethod, 'id' | 'method' | 'accessTokenNumUsesLimit'>;

/** The identity of a new token, and the policy under which it is issued. */
export interface IssueRequest {
  readonly identity: Pick<Identity, 'id' | 'organizationId'>;
  readonly method: TokenMethod;
  readonly name: string | null;
  /** The client secret for which the token is issued, if any. */
  readonly clientSecretId?: string;
  /** Facts that the login found about the identity, if any. */
  readonly identityAuth?: IdentityAuth;
  readonly key?: NewKeyRow;
  /** The end of the token, whatever the policy says; null for none. Undefined for the end by the policy. */
  readonly end?: Date | null;
}

/** The parts of a token that its JWT contains. */
export interface Signable extends LifetimePolicy {
  readonly id: string;
  readonly identityId: string;
  readonly identityName: string;
  readonly organizationId: string;
  readonly authMethod: string;
  readonly clientSecretId: string | null;
  readonly identityAuth: IdentityAuth | null;
  readonly numUsesLimit: number;
  readonly createdAt: Date;
  readonly trustedIps: readonly TrustedIp[];
}

/** A JWT that was just signed. */
export interface SignedAccessToken {
  readonly accessToken: string;
  /** Seconds until it expires; `FOREVER_SECONDS` if it never does. */
  readonly expiresIn: number;
}

/** Issues access tokens: the row, and the JWT that names it. */
@Injectable()
export class AccessTokenIssuer {
  constructor(
    private readonly keyring: AccessTokenKeyring,
    private readonly store: AccessTokenStore,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  /**
   * Inserts the row of a new token, in the caller's transaction. The caller has locked the method's row. So the method cannot be
   * removed before the token exists, and a later removal revokes the token too.
   */
  async insert(
    on: EntityManager | SqlRunner,
    { identity, method: configured, name, clientSecretId, identityAuth, key, end }: IssueRequest,
  ): Promise<IdentityAccessToken> {
    requirePolicy(configured);
    const createdAt = this.clock.now();
    const { method, expiresAt } = this.lifeOf(configured, end, createdAt);
    const { accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod, accessTokenNumUsesLimit: numUsesLimit } = method;
    const row = {
      identityId: identity.id,
      organizationId: identity.organizationId,
      authMethodId: method.id,
      authMethod: method.method,
      name,
      ...{ accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod, numUsesLimit },
      clientSecretId: clientSecretId ?? null,
      identityAuth: identityAuth ?? null,
      createdAt,
      expiresAt,
      signedTTL: secondsBetween(createdAt, expiresAt),
    };
    const id = await this.store.insert(typeof on === 'function' ? on : sqlIn(on), { ...row, key });
    const unused = { numUses: 0, lastUsedAt: null, lastRenewedAt: null, revokedAt: null };
    return Object.assign(new IdentityAccessToken(), { id, ...row, ...unused, updatedAt: createdAt });
  }

  /** The policy of a token and its end: by the policy of the method, or until the end that is given. */
  private lifeOf(
    method: TokenMethod,
    end: Date | null | undefined,
    from: Date,
  ): { readonly method: TokenMethod; readonly expiresAt: Date | null } {
    if (end === undefined) return { method, expiresAt: this.firstExpiry(method, from) };
    const expiresAt = end && inWholeSeconds(end);
    return { method: { ...method, ...policyUntil(expiresAt, from) }, expiresAt };
  }

  /** The expiry of a token that is issued now; null for never. */
  firstExpiry(policy: LifetimePolicy, now: Date): Date | null {
    const lifetime = lifetimeSeconds(policy, this.settings.maxTokenAgeSeconds, 0);
    if (lifetime === undefined) throw new TypeError('A new token always has a lifetime');
    return expiryOf(now, lifetime);
  }

  /** The expiry of a token that is renewed now. */
  renewedExpiry(policy: LifetimePolicy, createdAt: Date, now: Date): Date | null {
    const age = epochSeconds(now) - epochSeconds(createdAt);
    const lifetime = lifetimeSeconds(policy, this.settings.maxTokenAgeSeconds, age);
    if (lifetime === undefined) throw new AccessTokenRefusedError('max_ttl_reached', 'Cannot renew');
    return expiryOf(now, lifetime);
  }

  /**
   * Signs a JWT for a token. `from` is the moment from which its expiry was computed. The clock is not read again: it might
   * have passed into the next second, and the answered lifetime would be one second short.
   */
  sign(token: Signable, from: Date, expiresAt: Date | null): SignedAccessToken {
    const iat = epochSeconds(from);
    const accessToken = this.keyring.sign({
      jti: token.id,
      identityAccessTokenId: token.id,
      iat,
      ...(expiresAt === null ? {} : { exp: epochSeconds(expiresAt) }),
      authTokenType: IDENTITY_ACCESS_TOKEN,
      identityId: token.identityId,
      identityName: token.identityName,
      authMethod: token.authMethod,
      identityAuth: token.identityAuth ?? {},
      orgId: token.organizationId,
      rootOrgId: token.organizationId,
      parentOrgId: token.organizationId,
      clientSecretId: token.clientSecretId ?? '',
      ipRestrictionEnabled: isRestricted(token.trustedIps),
      accessTokenTTL: token.accessTokenPeriod || token.accessTokenTTL,
      accessTokenMaxTTL: token.accessTokenPeriod > 0 ? 0 : token.accessTokenMaxTTL,
      accessTokenPeriod: token.accessTokenPeriod,
      creationEpoch: epochSeconds(token.createdAt),
      ...(token.numUsesLimit > 0 ? { numUsesLimit: token.numUsesLimit } : {}),
    });
    return { accessToken, expiresIn: expiresAt === null ? FOREVER_SECONDS : secondsBetween(from, expiresAt) };
  }
}

/**
 * @throws UnreadableValueError for a limit that is not valid: a token under it would have no end, or could never be verified.
 */
function requirePolicy(method: TokenMethod): void {
  const { accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod, accessTokenNumUsesLimit } = method;
  const limits = [accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod, accessTokenNumUsesLimit];
  if (!limits.every(isCount)) throw new UnreadableValueError('the policy of an auth method');
}

/** Renewed, a token lives no longer than to the end that it was given. */
function policyUntil(end: Date | null, from: Date): LifetimePolicy {
  const seconds = secondsBetween(from, end);
  return { accessTokenTTL: seconds, accessTokenMaxTTL: seconds, accessTokenPeriod: 0 };
}

function inWholeSeconds(end: Date): Date {
  return new Date(epochSeconds(end) * 1_000);
}

function expiryOf(now: Date, lifetime: number): Date | null {
  return lifetime === Infinity ? null : new Date((epochSeconds(now) + lifetime) * 1000);
}

/** The seconds from `iat` to `exp`; 0 if there is no `exp`. */
export function secondsBetween(from: Date, expiresAt: Date | null): number {
  return expiresAt === null ? 0 : epochSeconds(expiresAt) - epochSeconds(from);
}

function epochSeconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}
