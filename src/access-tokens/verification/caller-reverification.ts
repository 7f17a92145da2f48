import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { CallerStanding } from '../../changes/caller-standing';
import type { Actor } from '../../changes/change';
import { Clock } from '../../common/clock/clock';
import { DatabaseUnavailableError } from '../../common/errors/common.errors';
import { LatchkeySettings } from '../../latchkey.options';
import type { RuleSet } from '../../permissions/rules/rule-set';
import { TokenFactsReader } from './token-facts.reader';
import { requireUsable, type UsableToken } from './token-rules';
import type { VerifiedAccessToken } from './verified-access-token';

/** Reads a caller's facts again, in a statement of its own: what the change itself has done is not among them yet. */
@Injectable()
export class CallerReverification extends CallerStanding {
  constructor(
    private readonly reader: TokenFactsReader,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {
    super();
  }

  /**
   * After a change whose caller was verified longer ago than the revocation bound. A caller whose rights are others now is told to
   * ask again: the next request is decided by these.
   *
   * @throws ExpiredAccessTokenError, AccessTokenRefusedError, UntrustedAddressError, DatabaseUnavailableError
   */
  async require({ caller, address }: Actor, tookMs: number): Promise<void> {
    if (tookMs < this.settings.revocationBoundMs) return;
    const { tokenId: jti, identityId, organization } = caller;
    const facts = await this.reader.find({ jti, identityId, orgId: organization.id });
    const question = { facts, epochMs: this.clock.epochMs(), address, isCounted: true };
    const good = requireUsable({ ...question, purpose: 'Failed to authorize' });
    if (isDeepStrictEqual(rightsOf(good), rightsOfCaller(caller))) return;
    throw new DatabaseUnavailableError(new Error('the rights of the caller have changed while its change waited'));
  }
}

function rightsOf({ membership: { role, customRole }, permissions, isInstanceAdmin }: UsableToken) {
  const rules = customRole?.rules.rules ?? null;
  return { role, rules, permissions, isInstanceAdmin: isInstanceAdmin && permissions === null };
}

function rightsOfCaller(caller: VerifiedAccessToken) {
  const { role, permissions, isInstanceAdmin } = caller;
  const { rules } = caller as { readonly rules?: RuleSet | null };
  return { role, rules: rules?.rules ?? null, permissions, isInstanceAdmin };
}
