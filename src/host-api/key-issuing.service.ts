import { Injectable } from '@nestjs/common';
import { AccessTokenIssuer, type TokenMethod } from '../access-tokens/issuing/access-token.issuer';
import { type InsertedToken, type TokenFormat, TokenHandout } from '../access-tokens/issuing/token-handout';
import { AccessTokenStore, type KeyHolder, type NewKeyRow } from '../access-tokens/issuing/access-token.store';
import { KeyTakenError } from '../access-tokens/issuing/access-tokens.errors';
import { Clock } from '../common/clock/clock';
import { ValidationFailureError } from '../common/errors/common.errors';
import type { TrustedIp } from '../common/net/trusted-ips';
import { keyTarget } from '../changes/targets';
import type { UnitOfWork } from '../changes/unit-of-work';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { IdentityStore } from '../identities/identity.store';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import type { ImportOutcome, KeyToImport } from './key-import';
import type { CheckedKey } from './key-input';
import type { IssuedAccessToken } from './key-types';

/** A key that is to be issued, checked. */
export interface KeyToIssue {
  readonly identityId: string;
  readonly organizationId: string | null;
  readonly name: string | null;
  readonly key: CheckedKey;
}

/** The row of a new key, and what its JWT would say of it. */
export type InsertedKey = InsertedToken & { readonly identityId: string };

/** Issues keys for identities that have Token Auth. */
@Injectable()
export class KeyIssuingService {
  constructor(
    private readonly issuer: AccessTokenIssuer,
    private readonly handout: TokenHandout,
    private readonly identities: IdentityStore,
    private readonly clock: Clock,
    private readonly store: AccessTokenStore,
  ) {}

  /** @throws IdentityNotFoundError, AuthMethodNotConfiguredError, ExternalIdTakenError, ValidationFailureError */
  async issue(work: UnitOfWork, toIssue: KeyToIssue, format: TokenFormat): Promise<IssuedAccessToken> {
    const inserted = await this.insert(work, toIssue);
    const { id: tokenId, identityId, expiresAt } = inserted;
    const { accessToken, visibleStart } = await this.handout.give(work.run, inserted, { format });
    return { tokenId, identityId, accessToken, visibleStart, expiresAt };
  }

  /**
   * Takes over a key that its holder has already. A key that was imported before is left as it is.
   *
   * @param index the place of the key in the call.
   * @throws KeyTakenError, and what `issue` throws
   */
  async import(
    work: UnitOfWork,
    { stored, hashes }: KeyToImport,
    { index, toIssue }: { readonly index: number; readonly toIssue: KeyToIssue },
  ): Promise<ImportOutcome> {
    await this.store.awaitKey(work.run, stored.hash);
    const holder = await this.store.holderOfKey(work.run, hashes);
    if (holder !== undefined && holder.identityId !== toIssue.identityId) throw new KeyTakenError(index);
    if (holder !== undefined) {
      requireOrganization(holder, toIssue);
      work.unchanged();
      return { tokenId: holder.tokenId, isNew: false };
    }
    const { id: tokenId } = await this.insert(work, toIssue);
    await this.store.giveKey(work.run, tokenId, stored);
    return { tokenId, isNew: true };
  }

  private async insert(work: UnitOfWork, toIssue: KeyToIssue): Promise<InsertedKey> {
    const { identityId, organizationId } = toIssue;
    const login = { method: TOKEN_AUTH.slug, at: this.clock.now() };
    // Locked first, read afterwards: a method that was removed in the meantime must not be seen any more.
    const isThere = await this.identities.noteLogin(work.run, { identityId, organizationId }, login);
    if (!isThere) throw new IdentityNotFoundError(identityId);
    const [found] = await work.run<MethodRow>(FIND_METHOD, [identityId, TOKEN_AUTH.slug]);
    if (found === undefined) throw TOKEN_AUTH.refusals.missingOnRemove();
    return this.insertBy(work, toIssue, found);
  }

  private async insertBy(work: UnitOfWork, { name, key }: KeyToIssue, found: MethodRow): Promise<InsertedKey> {
    const { identityName, trustedIps, organizationId, identityId, ...configured } = found;
    const method = { ...configured, accessTokenNumUsesLimit: limitOf(key, configured) };
    requireLimit(key, method);
    const identity = { id: identityId, organizationId };
    const row = await this.issuer.insert(work.run, { identity, method, name, key: rowOf(key), end: key.expiresAt });
    work.changed(keyTarget({ tokenId: row.id, identityId, organizationId, name, ...key }));
    return { ...row, identityName, trustedIps: key.trustedIps ?? trustedIps };
  }
}

/** An identity of another organization counts as one that does not exist, also where its key was imported before. */
function requireOrganization(holder: KeyHolder, { identityId, organizationId }: KeyToIssue): void {
  if (organizationId !== null && organizationId !== holder.organizationId) throw new IdentityNotFoundError(identityId);
}

function limitOf({ usesLimit }: CheckedKey, { accessTokenNumUsesLimit }: TokenMethod): number {
  return usesLimit === undefined ? accessTokenNumUsesLimit : (usesLimit ?? 0);
}

function requireLimit({ usesRefill }: CheckedKey, { accessTokenNumUsesLimit }: TokenMethod): void {
  if (usesRefill && accessTokenNumUsesLimit === 0) throw refillNeedsLimit();
}

export function refillNeedsLimit(): ValidationFailureError {
  return new ValidationFailureError([{ code: 'custom', path: ['usesRefill'], message: 'Needs a usesLimit' }]);
}

function rowOf(key: CheckedKey): NewKeyRow {
  const { externalId = null, permissions = null, metadata = null, trustedIps = null } = key;
  const { usesRefill = null, rateLimits = null } = key;
  return {
    externalId,
    permissions,
    metadata,
    trustedIps,
    usesRefill,
    rateLimits,
    isEndGiven: key.expiresAt !== undefined,
  };
}

interface MethodRow extends TokenMethod {
  readonly identityId: string;
  readonly identityName: string;
  readonly organizationId: string;
  readonly trustedIps: TrustedIp[];
}

const FIND_METHOD = `
  SELECT a.id, a.method, i.id AS "identityId", i.name AS "identityName", i.organization_id AS "organizationId",
         a.access_token_ttl AS "accessTokenTTL", a.access_token_max_ttl AS "accessTokenMaxTTL",
         a.access_token_period AS "accessTokenPeriod", a.access_token_num_uses_limit AS "accessTokenNumUsesLimit",
         a.access_token_trusted_ips AS "trustedIps"
    FROM latchkey.identities i
    JOIN latchkey.identity_auth_methods a ON a.identity_id = i.id AND a.method = $2
   WHERE i.id = $1`;
