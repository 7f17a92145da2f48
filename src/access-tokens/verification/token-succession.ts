import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import { loggable } from '../../common/errors/database-errors';
import { SeldomLog } from '../../common/seldom-log';
import { VerificationPools } from '../../database/connections/verification-pools';
import { ChangeFeedService } from '../../change-feed/change-feed.service';
import { RotationStore } from '../issuing/rotation.store';

/** Tokens whose predecessors are ended at once, at most. Beyond, the next use of a token ends them. */
const MOST_AT_ONCE = 100;

/**
 * Ends a token that was replaced, as soon as the one in its place is used. Requests do not wait for it: the token that is used
 * is usable in any case. The row says what is left to do until it is done, so a failure or a crash leaves it to the next use,
 * on any node.
 */
@Injectable()
export class TokenSuccession {
  private readonly underWay = new Set<string>();
  private readonly failures = new SeldomLog(new Logger(TokenSuccession.name));

  constructor(
    private readonly database: VerificationPools,
    private readonly changeFeed: ChangeFeedService,
    private readonly store: RotationStore,
    private readonly clock: Clock,
  ) {}

  /** Says that a token was used which ends another one. */
  begin(tokenId: string): void {
    if (this.underWay.has(tokenId) || this.underWay.size >= MOST_AT_ONCE) return;
    this.underWay.add(tokenId);
    void this.end(tokenId);
  }

  private async end(tokenId: string): Promise<void> {
    try {
      await this.store.endReplaced(this.database.writer(), tokenId, this.clock.now());
      await this.changeFeed.catchUp();
    } catch (error) {
      this.failures.warn({ event: 'token.predecessor_not_ended', tokenId, cause: loggable(error) });
    } finally {
      this.underWay.delete(tokenId);
    }
  }
}
