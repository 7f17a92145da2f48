import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import { ChangesService } from '../../changes/changes.service';
import { InstanceStore, type Recall } from '../../database/instance.store';
import { ChangeReceiptsService, type Spread } from '../../change-feed/change-receipts.service';

/** The time of a recall lies in the future. */
export class FutureRecallError extends RangeError {
  override readonly name = 'FutureRecallError';

  constructor(now: Date) {
    super(`The time must not lie in the future: it is ${now.toISOString()}`);
  }
}

/**
 * Refuses everything that was issued before a moment. It is for cases in which it is unknown which tokens are still valid: a
 * restored database has lost the revocations since the backup. One row holds the moment, for any number of tokens, and every
 * verification checks it. The moment only moves forward, so a refused token stays refused.
 */
@Injectable()
export class TokenRecallService {
  constructor(
    private readonly instance: InstanceStore,
    private readonly changes: ChangesService,
    private readonly receipts: ChangeReceiptsService,
    private readonly clock: Clock,
  ) {}

  /** @throws FutureRecallError */
  async refuseIssuedBefore(before: Date, includesClientSecrets: boolean): Promise<Recall & { spread: Spread }> {
    const now = this.clock.now();
    if (before > now) throw new FutureRecallError(now);
    const attempt = { actor: 'operator', action: 'refuse-issued-before' } as const;
    const { recall, receipt } = await this.changes.alter(attempt, async (work) => {
      const recall = await this.instance.refuseIssuedBefore(work.run, before, includesClientSecrets);
      work.changed({ type: 'instance', id: '1', details: { ...recall } });
      return { recall, receipt: await this.receipts.of(work.tx) };
    });
    return { ...recall, spread: await this.receipts.waitForNodes(receipt) };
  }
}
