import { Injectable } from '@nestjs/common';
import { AccessTokenStore } from '../access-tokens/issuing/access-token.store';
import { TokenEndedError } from '../access-tokens/issuing/access-tokens.errors';
import { type KeyChanges, type KeyHolders, type KeyPlace, KeyStore } from '../access-tokens/issuing/key.store';
import { type Rotation, TokenRotationService } from '../access-tokens/issuing/token-rotation.service';
import { keyTarget, rotationTargets, tokenTarget } from '../changes/targets';
import { Clock } from '../common/clock/clock';
import { ValidationFailureError } from '../common/errors/common.errors';
import { isId } from '../common/ids';
import type { SqlRunner } from '../database/sql-runner';
import type { UnitOfWork } from '../changes/unit-of-work';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { TokenNotFoundError } from '../token-auth/token-auth.errors';
import type { CheckedKey } from './key-input';
import { refillNeedsLimit } from './key-issuing.service';
import { type AccessTokenRecord, KeyReaderService } from './key-reader.service';
import type { RotatedAccessToken } from './key-types';

/** How many keys one statement revokes: each is noted as a change. */
const BATCH = 1_000;

/** Changes keys in a host's transaction or in one of Latchkey's. */
@Injectable()
export class KeyChangesService {
  constructor(
    private readonly store: KeyStore,
    private readonly reader: KeyReaderService,
    private readonly clock: Clock,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly rotation: TokenRotationService,
    private readonly tokens: AccessTokenStore,
  ) {}

  /** The key as it is then. @throws TokenNotFoundError, TokenEndedError, ValidationFailureError, LastAdministratorError */
  async update(work: UnitOfWork, key: KeyPlace, changes: CheckedKey & { name?: string }): Promise<AccessTokenRecord> {
    const set = changesOf(changes);
    const isChanged = await this.taking(work.run, key, () => this.store.change(work.run, key, set, this.clock.now()));
    const record = await this.reader.get(work.run, key.tokenId, key.organizationId);
    if (record === null) throw new TokenNotFoundError(key.tokenId);
    if (!isChanged) throw refusalOf(record, changes);
    work.changed(keyTarget(record));
    return record;
  }

  /** False for one that is disabled already, was revoked, or does not exist. @throws LastAdministratorError */
  async disable(work: UnitOfWork, key: KeyPlace): Promise<boolean> {
    const isDisabled = await this.taking(work.run, key, () => this.store.disable(work.run, key, this.clock.now()));
    return this.noted(work, key, isDisabled);
  }

  /** False for one that is not disabled, was revoked, or does not exist. */
  async enable(work: UnitOfWork, key: KeyPlace): Promise<boolean> {
    return this.noted(work, key, await this.store.enable(work.run, key, this.clock.now()));
  }

  /** @throws TokenNotFoundError, TokenNotRotatableError, TokenRotatedBeforeError, LastAdministratorError */
  async rotate(work: UnitOfWork, rotation: Rotation): Promise<RotatedAccessToken> {
    const { tokenId } = rotation;
    // By a policy that has changed, the new key may live for a shorter time.
    const rotated = await this.taking(work.run, rotation, () => this.rotation.rotate(work.run, rotation));
    if (rotated === undefined) throw new TokenNotFoundError(tokenId);
    const { token, accessToken, visibleStart, oldEndsAt, isRepeated } = rotated;
    const { id, identityId, expiresAt } = token;
    if (isRepeated) work.unchanged();
    else for (const target of rotationTargets(tokenId, token)) work.changed(target);
    const replaced = { tokenId, endsAt: oldEndsAt };
    return { tokenId: id, identityId, accessToken, visibleStart, expiresAt, replaced, isRepeated };
  }

  /** Revokes a token of any auth method. False for one that does not exist, or was revoked before. @throws LastAdministratorError */
  async revoke(work: UnitOfWork, token: KeyPlace): Promise<boolean> {
    const revoked = await this.taking(work.run, token, () =>
      this.tokens.revoke(work.run, { ...token, revokedAt: this.clock.now() }),
    );
    if (revoked) work.changed(tokenTarget(revoked));
    else work.unchanged();
    return revoked !== undefined;
  }

  /** How many were revoked. @throws LastAdministratorError */
  async revokeAll(work: UnitOfWork, whose: KeyHolders): Promise<number> {
    const { identityId, organizationId } = whose;
    const administrator = identityId ?? (await administratorOf(work.run, organizationId));
    const revoke = () => this.revokeEach(work.run, whose);
    const target = { identityId: administrator ?? '', organizationId };
    const revoked =
      administrator === null ? await revoke() : await this.lastAdministrator.keep(work.run, target, revoke);
    if (revoked === 0) work.unchanged();
    else work.changed({ ...targetOf(whose), details: { revoked } });
    return revoked;
  }

  private async revokeEach(run: SqlRunner, whose: KeyHolders): Promise<number> {
    const at = this.clock.now();
    for (let all = 0; ;) {
      const revoked = await this.store.revokeSome(run, whose, at, BATCH);
      all += revoked;
      if (revoked < BATCH) return all;
    }
  }

  private taking<T>(run: SqlRunner, { tokenId, organizationId }: KeyPlace, act: () => Promise<T>): Promise<T> {
    return this.lastAdministrator.keepForToken(run, { tokenId, organizationId }, act);
  }

  private async noted(work: UnitOfWork, { tokenId, organizationId }: KeyPlace, isChanged: boolean): Promise<boolean> {
    const record = isChanged ? await this.reader.get(work.run, tokenId, organizationId) : null;
    if (record === null) work.unchanged();
    else work.changed(keyTarget(record));
    return isChanged;
  }
}

function targetOf({ identityId, organizationId }: KeyHolders) {
  const organization = { organizationId: organizationId ?? undefined };
  return identityId === null
    ? ({ type: 'organization', id: organizationId!, ...organization } as const)
    : ({ type: 'identity', id: identityId, identityId, ...organization } as const);
}

function changesOf({
  name,
  permissions,
  metadata,
  trustedIps,
  rateLimits,
  ...rest
}: CheckedKey & { name?: string }): KeyChanges {
  const { expiresAt: endsAt, usesLimit } = rest;
  const limit = usesLimit === undefined ? {} : { numUsesLimit: usesLimit ?? 0 };
  return { name, permissions, metadata, trustedIps, rateLimits, endsAt, ...limit, ...refillOf(rest) };
}

/** Without a limit, no uses come back. */
function refillOf({ usesLimit, usesRefill }: CheckedKey): Pick<KeyChanges, 'refillAmount' | 'refillSeconds'> {
  if (usesLimit === null || usesRefill === null) return { refillAmount: 0, refillSeconds: 0 };
  return usesRefill ? { refillAmount: usesRefill.amount, refillSeconds: usesRefill.everySeconds } : {};
}

/** Why a key that exists was not changed. */
function refusalOf({ tokenId, state, rotatedTo }: AccessTokenRecord, { expiresAt }: CheckedKey): Error {
  if (state === 'revoked' || rotatedTo !== null) return new TokenEndedError(tokenId);
  if (expiresAt === undefined) return refillNeedsLimit();
  const message = 'The key ends earlier, and its JWT says so: rotate it for a later end';
  return new ValidationFailureError([{ code: 'custom', path: ['expiresAt'], message }]);
}

/** An active administrator of an organization: of the instance, if there is such a one. */
async function administratorOf(run: SqlRunner, organizationId: string | null): Promise<string | null> {
  if (!isId(organizationId ?? '')) return null;
  const [row] = await run<{ id: string }>(ADMINISTRATOR, [organizationId]);
  return row?.id ?? null;
}

const ADMINISTRATOR = `
  SELECT i.id FROM latchkey.organization_memberships m
    JOIN latchkey.identities i ON i.id = m.identity_id AND i.organization_id = m.organization_id
   WHERE m.organization_id = $1 AND m.role = 'admin' AND m.is_active ORDER BY i.is_instance_admin DESC, i.id LIMIT 1`;
