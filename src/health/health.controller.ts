import { Get } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { PublicRoute } from '../common/http/public-route.decorator';
import { LatchkeySettings } from '../latchkey.options';
import { NodeRegistry } from '../watermark/node-registry';
import { PushListener } from '../watermark/push-listener';
import { Watermark } from '../watermark/watermark';
import { HealthDto } from './health.dto';
import { NotReadyError } from './health.errors';

@LatchkeyController('api/health', 'Instance')
export class HealthController {
  constructor(
    private readonly watermark: Watermark,
    private readonly push: PushListener,
    private readonly node: NodeRegistry,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  @Get()
  @PublicRoute({
    summary: 'Tell whether this node is ready',
    description:
      'Ready is a node that has read from the primary, within the revocation bound, what has changed. One that is not still answers what it can ask the database; it needs no restart.',
    answer: HealthDto,
    isFromMemory: true,
    refusals: [new NotReadyError({ push: 'connecting', confirmedAgeMs: 1700 })],
  })
  health(): HealthDto {
    const age = this.watermark.ageMs();
    const confirmedAgeMs = Number.isFinite(age) ? Math.round(age) : null;
    const { state: push } = this.push;
    if (!this.watermark.isConfirmed()) throw new NotReadyError({ push, confirmedAgeMs });
    return {
      status: 'ready',
      node: this.node.name,
      appliedRevision: this.watermark.revision,
      confirmedAgeMs: confirmedAgeMs ?? 0,
      revocationBoundMs: this.settings.revocationBoundMs,
      push,
      clockSkewMs: Math.round(this.clock.skewMs()),
      databaseClockBehindMs: Math.round(this.clock.databaseBehindMs()),
    };
  }
}
