import { Get } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { PublicRoute } from '../common/http/public-route.decorator';
import { LatchkeySettings } from '../latchkey.options';
import { StatusDto } from './dto/installation.dtos';

@LatchkeyController('api/status', 'Instance')
export class StatusController {
  constructor(
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  @Get()
  @PublicRoute({ summary: 'Check service status', answer: StatusDto, isFromMemory: true })
  status(): StatusDto {
    return {
      date: this.clock.now(),
      message: 'Ok',
      emailConfigured: false,
      inviteOnlySignup: true,
      redisConfigured: false,
      secretScanningConfigured: false,
      maxIdentityAccessTokenTTL: this.settings.maxTokenAgeSeconds,
    };
  }
}
