import { Injectable } from '@nestjs/common';
import { ChangeFeedService } from '../change-feed/change-feed.service';
import { TokenEventQueue } from '../changes/hooks/token-event.queue';
import { TokenEventStore } from '../changes/hooks/token-event.store';
import { TokenEvents } from '../changes/hooks/token-events.service';
import { Clock } from '../common/clock/clock';
import { VerificationPools } from '../database/connections/verification-pools';
import type { MaintenanceJob } from './maintenance.job';

const BATCH = 500;
/** A node whose clock is behind may accept a token for so long. */
const MARGIN_MS = 2_000;

/** Tells the handlers of a host which tokens have ended, each once for the database. Where no handler listens, it asks for nothing. */
@Injectable()
export class EndedTokenTeller implements MaintenanceJob {
  constructor(
    private readonly database: VerificationPools,
    private readonly clock: Clock,
    private readonly changeFeed: ChangeFeedService,
    private readonly events: TokenEvents,
    private readonly store: TokenEventStore,
    private readonly queue: TokenEventQueue,
  ) {}

  async runBatch(): Promise<boolean> {
    const { inMemory, inOutbox } = this.events.wanted('expired');
    if (!inMemory && !inOutbox) return false;
    // An end is told once and for good, so not by a clock that is not confirmed.
    if (!this.changeFeed.freshness.isConfirmed() || !this.clock.isSteady()) return false;
    const upTo = new Date(this.clock.epochMs() - MARGIN_MS);
    const told = await this.store.tellEnded(this.database.writer(), { upTo, most: BATCH, isKept: inOutbox });
    // Not waited for: handlers are no part of maintenance.
    if (inMemory) void this.queue.deliver(told);
    return told.length === BATCH;
  }
}
