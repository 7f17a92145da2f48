import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import type { SqlRunner } from '../../database/sql-runner';
import { AccessTokenIssuer, type IssueRequest, type TokenMethod } from './access-token.issuer';
import { TokenNotRotatableError, TokenRotatedBeforeError } from './access-tokens.errors';
import { tighter } from './lifetime';
import { type HandedOutToken, TokenHandout } from './token-handout';
import { isEndedByUse, type Replacement, rotateOnce, type RotationTerms } from './rotation';
import { type ReplacedToken, RotationStore, type Succession, type SuccessorToken } from './rotation.store';

/** How a token is replaced. */
export interface Rotation extends RotationTerms {
  readonly tokenId: string;
  /** The only organization it may belong to; null for any. */
  readonly organizationId: string | null;
}

/** The token in place of another one. */
export interface RotatedToken extends HandedOutToken {
  readonly token: SuccessorToken;
  /** When the old token ends at the latest. */
  readonly oldEndsAt: Date;
  /** Whether an earlier call with the same key has made it. */
  readonly isRepeated: boolean;
}

/** Replaces a token by a new one, for a host's code and for the wire. For a repeated call, the answer is signed again. */
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
    const { tokenId, organizationId } = rotation;
    const token = {
      replace: (by: Replacement) => this.store.replace(run, { tokenId, organizationId, ...by }),
      succeed: (replaced: ReplacedToken, by: Replacement) =>
        this.succeed(run, { replaced, rotation, request: successorOf(replaced, rotation, by) }),
      find: () => this.store.find(run, tokenId, organizationId),
      repeat: (found: Succession) => this.repeat(rotation, found),
      notRotatable: () => new TokenNotRotatableError(tokenId),
      rotatedBefore: () => new TokenRotatedBeforeError(tokenId),
    };
    return rotateOnce(token, rotation, this.clock.now());
  }

  private async succeed(run: SqlRunner, { replaced, request, rotation }: Succeeding): Promise<RotatedToken> {
    const row = await this.issuer.insert(run, request);
    const { identityName, methodTrustedIps, key, endsAt } = replaced;
    const token = { ...row, identityName, trustedIps: key.trustedIps ?? methodTrustedIps };
    const format = replaced.isKey ? 'key' : 'jwt';
    const handed = await this.handout.give(run, token, { format, seed: rotation.idempotencyKey });
    return { ...handed, token, oldEndsAt: endsAt, isRepeated: false };
  }

  private repeat({ idempotencyKey = '' }: Rotation, { successor, successorHash, endsAt }: Succession) {
    if (successor === null) return undefined;
    const handed = this.handout.giveAgain(successor, successorHash, idempotencyKey);
    return handed && { ...handed, token: successor, oldEndsAt: endsAt, isRepeated: true };
  }
}

/** A token in place of another one, before it is made. */
interface Succeeding {
  readonly replaced: ReplacedToken;
  readonly request: IssueRequest;
  readonly rotation: Rotation;
}

function successorOf(replaced: ReplacedToken, rotation: Rotation, { by: id, at }: Replacement): IssueRequest {
  const { identityId, organizationId, name, key, endedBefore, numUsesLimit, usesSpent, countedWith } = replaced;
  const endsTokenId = isEndedByUse(rotation) ? replaced.tokenId : null;
  // Uses that are spent stay spent: a new token is no new budget.
  const budget = numUsesLimit > 0 ? { usesSpent } : {};
  return {
    identity: { id: identityId, organizationId },
    method: methodOf(replaced),
    name,
    key: { ...key, ...budget, id, endsTokenId, endsAt: endedBefore, countedWith },
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
