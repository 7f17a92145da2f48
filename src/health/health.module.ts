import { Module } from '@nestjs/common';
import { HealthController } from './health.controller';
import { NodesController } from './nodes.controller';
import { ReadinessService } from './readiness.service';

@Module({ controllers: [HealthController, NodesController], providers: [ReadinessService] })
export class HealthModule {}
