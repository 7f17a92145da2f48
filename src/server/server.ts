import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { LatchkeyExceptionFilter } from '../common/http/latchkey-exception.filter';
import { LatchkeyModule } from '../latchkey.module';
import type { LatchkeyOptions } from '../latchkey.options';
import { type Environment, logLevels } from './environment';
import { httpAdapter } from './http-adapter';
import { serveOpenApi } from './openapi';
import { ServerLogger } from './server-logger';

/** The stand-alone server: the first host of `LatchkeyModule`, with no privilege another host lacks. */
@Module({ providers: [LatchkeyExceptionFilter] })
export class ServerModule {
  static with(options: LatchkeyOptions): DynamicModule {
    return { module: ServerModule, imports: [LatchkeyModule.forRoot({ bootstrapEndpoint: true, ...options })] };
  }
}

/** What the server adds around the module: the common body for unknown routes too, and the API documentation. */
export function configureServer(app: NestFastifyApplication): void {
  app.useGlobalFilters(app.get(LatchkeyExceptionFilter));
  serveOpenApi(app);
}

export async function createServer(
  options: LatchkeyOptions,
  environment: Environment,
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(ServerModule.with(options), httpAdapter(), {
    logger: new ServerLogger(logLevels(environment)),
    abortOnError: false,
  });
  configureServer(app);
  return app.init();
}
