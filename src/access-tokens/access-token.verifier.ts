import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import { isDatabaseUnavailable } from '../common/errors/database-errors';
import { bearerToken } from '../common/http/bearer';
import { type AddressedRequest, clientAddress } from '../common/net/client-address';
import { LatchkeySettings } from '../latchkey.options';
import { AccessTokenKeyring } from './access-token.keyring';
import {
  AccessTokenRefusedError,
  MissingAccessTokenError,
  WrongTokenTypeError,
  MalformedAccessTokenError,
} from './access-tokens.errors';
import { TokenFactsReader } from './token-facts';
import { UseCounter } from './use-counter';
import { type GoodFacts, requireGood } from './verdict';
import type { VerifiedAccessToken } from './verified-access-token';

/**
 * Tells who is calling. What guards, strategies, sockets, queues and gateways ask.
 *
 * Its methods throw a `LatchkeyError`: 401 for a token that is missing, foreign, expired, revoked or used up, 403 for a
 * client address the token is not trusted from (decisions 5 and 6), 503 when the database cannot be asked. A refused token
 * has spent no use.
 */
@Injectable()
export class AccessTokenVerifier {
  private readonly verdicts = new WeakMap<object, Promise<VerifiedAccessToken>>();

  constructor(
    private readonly keyring: AccessTokenKeyring,
    private readonly facts: TokenFactsReader,
    private readonly uses: UseCounter,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  /** Verifies the bearer token of a request. However often it is asked about one request, it is one use of the token. */
  verifyRequest(request: AddressedRequest): Promise<VerifiedAccessToken> {
    let verdict = this.verdicts.get(request);
    if (verdict === undefined) {
      const token = bearerToken(request);
      verdict =
        token === undefined
          ? Promise.reject(new MissingAccessTokenError())
          : this.verify(token, this.addressOf(request));
      this.verdicts.set(request, verdict);
    }
    return verdict;
  }

  /**
   * Verifies a token and counts a use of it.
   *
   * @param token the JWT, without the word `Bearer`.
   * @param address the client's address; undefined is trusted nowhere.
   */
  async verify(token: string, address: string | undefined): Promise<VerifiedAccessToken> {
    const tokenId = this.tokenIdOf(token);
    try {
      return await this.verdictOn(tokenId, address);
    } catch (error) {
      // On a host's own route there is no filter of ours to tell an outage from a fault.
      throw isDatabaseUnavailable(error) ? new DatabaseUnavailableError(error) : error;
    }
  }

  /** The address a request came from, as the settings on trusted proxies have it. */
  addressOf(request: AddressedRequest): string | undefined {
    return clientAddress(request, this.settings.trustedProxies);
  }

  private async verdictOn(tokenId: string, address: string | undefined): Promise<VerifiedAccessToken> {
    const now = this.clock.now();
    const facts = await this.facts.find(tokenId);
    const good = requireGood({ facts, now, address, purpose: 'Failed to authorize' });
    await this.count(good, now);
    return verified(good);
  }

  private tokenIdOf(token: string): string {
    try {
      return this.keyring.verify(token).jti;
    } catch (error) {
      // Where a credential is expected, a token made for another purpose is as good as none.
      throw error instanceof WrongTokenTypeError ? new MalformedAccessTokenError(error) : error;
    }
  }

  private async count({ tokenId, numUsesLimit }: GoodFacts, now: Date): Promise<void> {
    if (numUsesLimit === 0) this.uses.note(tokenId, now);
    else if (!(await this.uses.spend(tokenId, now))) throw new AccessTokenRefusedError('uses_exhausted');
  }
}

function verified(facts: GoodFacts): VerifiedAccessToken {
  const { tokenId, tokenName, identityId, identityName, organization, isInstanceAdmin, authMethod, expiresAt } = facts;
  const { role } = facts.membership;
  return { tokenId, tokenName, identityId, identityName, organization, role, isInstanceAdmin, authMethod, expiresAt };
}
