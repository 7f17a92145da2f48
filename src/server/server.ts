import type { ServerResponse } from 'node:http';
import { type DynamicModule, Global, type HttpException, Injectable, Module } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuditLogFollower } from '../audit-log/followers/audit-log.follower';
import { LatchkeyExceptionFilter } from '../common/http/latchkey-exception.filter';
import { answerOtherMethods } from '../common/http/other-methods';
import { CONSOLE_HAS_OWN_ORIGIN } from '../console/own-origin';
import { ReadinessService } from '../health/readiness.service';
import { LatchkeyModule } from '../latchkey.module';
import type { LatchkeyOptions } from '../latchkey.options';
import { followIntoFile } from './audit-file';
import { logLevels } from './environment';
import type { Environment } from './environment-table';
import { httpAdapter, type HttpSettings } from './http-adapter';
import { DOCS_PATH, serveOpenApi } from './openapi';
import { ServerLogger } from './server-logger';

/** A filter for the whole application. Every `HttpException` there is the framework's, and its text quotes the request. */
@Injectable()
class ServerExceptionFilter extends LatchkeyExceptionFilter {
  protected override isOfHost(_thrown: unknown): _thrown is HttpException {
    return false;
  }
}

/** The stand-alone server: the first host of `LatchkeyModule`, with no privilege that another host lacks. */
@Global()
@Module({
  providers: [ServerExceptionFilter, { provide: CONSOLE_HAS_OWN_ORIGIN, useValue: true }],
  exports: [CONSOLE_HAS_OWN_ORIGIN],
})
export class ServerModule {
  static with(options: LatchkeyOptions, hasConsole = true): DynamicModule {
    const latchkey = LatchkeyModule.forRoot({ bootstrapEndpoint: true, ...options, console: hasConsole });
    return { module: ServerModule, imports: [latchkey] };
  }
}

/** The parts that the server adds around the module: the common body for unknown routes too, and the API documentation. */
export function configureServer(app: NestFastifyApplication, { publicUrl }: HttpSettings = {}): void {
  app.useGlobalFilters(app.get(ServerExceptionFilter));
  serveOpenApi(app, publicUrl);
  const { httpAdapter } = app.get(HttpAdapterHost);
  for (const path of ['', '/json', '/yaml']) answerOtherMethods(httpAdapter, `/${DOCS_PATH}${path}`, ['GET']);
  letGoWhileDraining(app);
}

/** A client with an open connection then opens the next one elsewhere. */
function letGoWhileDraining(app: NestFastifyApplication): void {
  const readiness = app.get(ReadinessService, { strict: false });
  const { server } = app.getHttpAdapter().getInstance();
  // Before the framework's own hook, which may answer at once.
  server.prependListener('request', (_request, response: ServerResponse) => {
    if (readiness.isDraining) response.setHeader('Connection', 'close');
  });
}

export async function createServer(
  options: LatchkeyOptions,
  environment: Environment,
): Promise<NestFastifyApplication> {
  const { LATCHKEY_CORS_ORIGINS: corsOrigins, LATCHKEY_PUBLIC_URL: publicUrl } = environment;
  const settings = { corsOrigins, publicUrl, hasConsole: environment.LATCHKEY_CONSOLE };
  const adapter = httpAdapter(undefined, settings);
  const app = await NestFactory.create<NestFastifyApplication>(
    ServerModule.with(options, settings.hasConsole),
    adapter,
    {
      logger: new ServerLogger(logLevels(environment)),
      abortOnError: false,
    },
  );
  configureServer(app, settings);
  const { LATCHKEY_AUDIT_FILE: file } = environment;
  if (file !== undefined) await followIntoFile(app.get(AuditLogFollower, { strict: false }), file);
  return app.init();
}
