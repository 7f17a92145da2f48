import { Injectable } from '@nestjs/common';
import { loggable } from '../../common/errors/database-errors';
import { SafeLogger } from '../../common/safe-logger';
import { SeldomLog } from '../../common/seldom-log';
import { VerificationPools } from '../../database/connections/verification-pools';
import { AccessTokenStore } from '../issuing/access-token.store';
import type { PresentedKey } from '../issuing/short-key.keyring';
import type { TokenFacts } from './token-facts.reader';

/** Statements under way at most: the next look-up of a key tries again. */
const MOST = 100;

/**
 * Hashes short keys under the present secret when they were found under an earlier one, so that the earlier one can be removed:
 * once for each key and secret, and no request waits for it.
 */
@Injectable()
export class KeyRehasher {
  private readonly failures = new SeldomLog(new SafeLogger(KeyRehasher.name));
  private underWay = 0;

  constructor(
    private readonly database: VerificationPools,
    private readonly store: AccessTokenStore,
  ) {}

  /** @param found the hash under which the key was found. */
  note(facts: TokenFacts, found: Buffer | null, { hashes: [present] }: PresentedKey): void {
    if (found === null || found.equals(present) || this.underWay >= MOST) return;
    this.underWay += 1;
    void this.rehash(facts, found, present).finally(() => (this.underWay -= 1));
  }

  private async rehash(
    { tokenId, organization, identityId }: TokenFacts,
    found: Buffer,
    present: Buffer,
  ): Promise<void> {
    const party = { group: organization.id, member: identityId, isCrowd: false };
    try {
      await this.store.rehash(this.database.writer(party), { tokenId, found, present });
    } catch (error) {
      this.failures.warn({ event: 'keys.not_rehashed', cause: loggable(error) });
    }
  }
}
