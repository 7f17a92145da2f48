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
    private readonly watermark: ChangeFeedService,
    private readonly push: ChangeListener,
    private readonly readiness: ReadinessService,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  @Get()
  @PublicRoute({
    summary: 'Tell whether this node is ready',
    description:
      'Ready is a node that has read from the primary, within the revocation bound, what has changed. One that is not still answers what it can ask the database; it needs no restart. Nor is one that is shutting down: it answers for a while, so that requests are sent elsewhere. Whether the process is alive tells `GET /api/status`.',
    answer: HealthDto,
    isFromMemory: true,
    refusals: [new NotReadyError({ push: 'connecting', confirmedAgeMs: 1700 }), new DrainingError()],
  })
  health(): HealthDto {
    this.readiness.noteAsked();
    if (this.readiness.isDraining) throw new DrainingError();
    const age = this.watermark.freshness.ageMs();
    const confirmedAgeMs = Number.isFinite(age) ? Math.round(age) : null;
    const { state: push } = this.push;
    if (!this.watermark.freshness.isConfirmed()) throw new NotReadyError({ push, confirmedAgeMs });
    return {
      status: 'ready',
      appliedRevision: this.watermark.revision,
      confirmedAgeMs: confirmedAgeMs ?? 0,
      revocationBoundMs: this.settings.revocationBoundMs,
      push,
      clockSkewMs: Math.round(this.clock.skewMs()),
      databaseClockBehindMs: Math.round(this.clock.databaseBehindMs()),
    };
  }
}
