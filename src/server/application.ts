// The parts that the server and its commands run. They need most of the modules of the process. So only `loadApplication` imports
// this file, and a start that is refused is refused at once.
export { NestFactory } from '@nestjs/core';
export { FutureRecallError, TokenRecallService } from '../access-tokens/issuing/token-recall.service';
export { ReadinessService } from '../health/readiness.service';
export { AdministratorTokensService } from '../installation/administrator-tokens.service';
export { AdministratorWatchService } from '../installation/administrator-watch.service';
export { InstallationService } from '../installation/installation.service';
export { DOCS_PATH } from './openapi';
export { MetricsServer } from './metrics-server';
export { createServer, ServerModule } from './server';
