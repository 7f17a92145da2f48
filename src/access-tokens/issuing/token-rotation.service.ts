import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import type { SqlRunner } from '../../database/sql-runner';
import { AccessTokenIssuer, type IssueRequest, type TokenMethod } from './access-token.issuer';
import { TokenNotRotatableError, TokenRotatedBeforeError } from './access-tokens.errors';
import { tighter } from './lifetime';
import { type HandedOutToken, TokenHandout } from './token-handout';
import { type ReplacedToken, RotationStore, type Succession, type SuccessorToken } from './rotation.store';

/** The longest time in which a replaced token and the one in its place are both usable: 30 days. */
export const MAX_GRACE_SECONDS = 2_592_000;
/** For how long a repeated call gets the lost answer again. */
const REPEATABLE_MS = 86_400_000;

/** How a token is replaced. */
export interface Rotation {
  readonly tokenId: string;
  /** The only organization it may belong to; null for any. */
  readonly organizationId: string | null;
  /** Seconds in which both tokens are usable, 0 to 30 days. */
  readonly graceSeconds: number;
  /** Whether the old token ends as soon as the new one is used, if its time is not over by then. */
  readonly endsOldOnFirstUse: boolean;
  /** Tells a repeated call from another one. */
  readonly idempotencyKey: string | undefined;
}

/** The token in place of another one. */
export interface RotatedToken extends HandedOutToken {
  readonly token: SuccessorToken;
  /** When the old token ends at the latest. */
  readonly oldEndsAt: Date;
  /** Whether an earlier call with the same key has made it. */
  readonly isRepeated: boolean;
}

/**
 * Replaces a token by a new one: the one way, for a host's code and for the wire. One guarded statement decides which of any
 * number of calls makes the new token. No answer is stored: for a repeated call it is signed again.
 */
@Injectable()
export class TokenRotationService {
  constructor(
    private readonly issuer: AccessTokenIssuer,
    private readonly handout: TokenHandout,
    private readonly store: RotationStore,
    private readonly clock: Clock,
  ) {}

  /**
   * Undefined where there is no such token.
   *
   * @param run runs SQL in the transaction.
   * @throws TokenNotRotatableError, TokenRotatedBeforeError
   */
  async rotate(run: SqlRunner, rotation: Rotation): Promise<RotatedToken | undefined> {
    const { tokenId, organizationId, graceSeconds } = rotation;
    const at = this.clock.now();
    const endsAt = new Date(at.getTime() + graceSeconds * 1_000);
    const by = randomUUID();
    const replacement = { tokenId, organizationId, by, key: digestOf(rotation), at, endsAt };
    const replaced = await this.store.replace(run, replacement);
    if (replaced === undefined) return this.repeat(run, rotation);
    const request = successorOf(replaced, rotation, { id: by, at });
    return this.succeed(run, { replaced, request, rotation });
  }

  private async succeed(run: SqlRunner, { replaced, request, rotation }: Succeeding): Promise<RotatedToken> {
    const row = await this.issuer.insert(run, request);
    const { identityName, methodTrustedIps, key, endsAt } = replaced;
    const token = { ...row, identityName, trustedIps: key.trustedIps ?? methodTrustedIps };
    const format = replaced.isKey ? 'key' : 'jwt';
    const handed = await this.handout.give(run, token, { format, seed: rotation.idempotencyKey });
    return { ...handed, token, oldEndsAt: endsAt, isRepeated: false };
  }

  /** For a token that was not replaced: another call was first, or it cannot be. */
  private async repeat(run: SqlRunner, rotation: Rotation): Promise<RotatedToken | undefined> {
    const found = await this.store.find(run, rotation.tokenId, rotation.organizationId);
    if (found === undefined) return undefined;
    if (!found.isReplaced) throw new TokenNotRotatableError(rotation.tokenId);
    const { successor, endsAt } = found;
    if (!this.isRepeated(rotation, found) || successor === null) throw new TokenRotatedBeforeError(rotation.tokenId);
    const handed = this.handout.giveAgain(successor, found.successorHash, rotation.idempotencyKey ?? '');
    if (handed === undefined) throw new TokenRotatedBeforeError(rotation.tokenId);
    return { ...handed, token: successor, oldEndsAt: endsAt, isRepeated: true };
  }

  private isRepeated(rotation: Rotation, { rotationKey, successor }: Succession): boolean {
    const isSame = rotationKey !== null && rotationKey === digestOf(rotation)?.toString('hex');
    const age = successor === null ? Infinity : this.clock.now().getTime() - successor.createdAt.getTime();
    return isSame && age < REPEATABLE_MS;
  }
}

/** A token in place of another one, before it is made. */
interface Succeeding {
  readonly replaced: ReplacedToken;
  readonly request: IssueRequest;
  readonly rotation: Rotation;
}

/** The key is a text of the caller's, which need not be kept. */
function digestOf({ idempotencyKey }: Rotation): Buffer | null {
  return idempotencyKey === undefined ? null : createHash('sha256').update(idempotencyKey).digest();
}

function successorOf(
  replaced: ReplacedToken,
  { graceSeconds, endsOldOnFirstUse }: Rotation,
  { id, at }: { readonly id: string; readonly at: Date },
): IssueRequest {
  const { identityId, organizationId, name, key, endedBefore, numUsesLimit, usesSpent } = replaced;
  const endsTokenId = endsOldOnFirstUse && graceSeconds > 0 ? replaced.tokenId : null;
  // Uses that are spent stay spent: a new token is no new budget.
  const budget = numUsesLimit > 0 ? { usesSpent } : {};
  return {
    identity: { id: identityId, organizationId },
    method: methodOf(replaced),
    name,
    key: { ...key, ...budget, id, endsTokenId, endsAt: endedBefore },
    end: endOf(replaced, at),
  };
}

/** A token that lives by the policy of its method goes on under it, where it is tighter by now. */
function methodOf({ methodId, authMethod, policy, methodPolicy, key, numUsesLimit }: ReplacedToken): TokenMethod {
  const lifetimes = key.isEndGiven ? policy : tighter(policy, methodPolicy);
  return { id: methodId, method: authMethod, ...lifetimes, accessTokenNumUsesLimit: numUsesLimit };
}

/** An end that the host gave is as far away as it was at first. Undefined where the policy gives it. */
function endOf({ key, signedTTL }: ReplacedToken, at: Date): Date | null | undefined {
  if (!key.isEndGiven) return undefined;
  return signedTTL === 0 ? null : new Date(at.getTime() + signedTTL * 1_000);
}
