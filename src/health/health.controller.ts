import { Get } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { PublicRoute } from '../common/http/public-route.decorator';
import { LatchkeySettings } from '../latchkey.options';
import { ChangeListener } from '../change-feed/change.listener';
import { ChangeFeedService } from '../change-feed/change-feed.service';
import { HealthDto } from './health.dto';
import { DrainingError, NotReadyError } from './health.errors';
import { ReadinessService } from './readiness.service';

@LatchkeyController('api/health', 'Instance')
export class HealthController {
  constructor(
    private readonly changeFeed: ChangeFeedService,
    private readonly push: ChangeListener,
    private readonly readiness: ReadinessService,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  @Get()
  @PublicRoute({
    summary: 'Check whether this node is ready',
    description:
      'A node is ready if it has read the latest changes from the primary database within the revocation bound. A node that is not ready still answers requests for which it can ask the database, and needs no restart. A node that is shutting down is not ready either: it answers for a while, so that requests are sent elsewhere. To check whether the process is alive, use `GET /api/status`.',
    answer: HealthDto,
    isFromMemory: true,
    refusals: [new NotReadyError({ push: 'connecting', confirmedAgeMs: 1700 }), new DrainingError()],
  })
  health(): HealthDto {
    this.readiness.noteAsked();
    if (this.readiness.isDraining) throw new DrainingError();
    const age = this.changeFeed.freshness.ageMs();
    const confirmedAgeMs = Number.isFinite(age) ? Math.round(age) : null;
    const { state: push } = this.push;
    if (!this.changeFeed.freshness.isConfirmed()) throw new NotReadyError({ push, confirmedAgeMs });
    return {
      status: 'ready',
      appliedRevision: this.changeFeed.revision,
      confirmedAgeMs: confirmedAgeMs ?? 0,
      revocationBoundMs: this.settings.revocationBoundMs,
      push,
      clockSkewMs: Math.round(this.clock.skewMs()),
      databaseClockBehindMs: Math.round(this.clock.databaseBehindMs()),
    };
  }
}
