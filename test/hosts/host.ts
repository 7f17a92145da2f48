import {
  Body,
  type CanActivate,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpException,
  type INestApplication,
  type LoggerService,
  Module,
  Post,
  UseGuards,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import type {
  ArgumentsHost,
  BeforeApplicationShutdown,
  CallHandler,
  NestInterceptor,
  OnModuleDestroy,
} from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IsString } from 'class-validator';
import {
  AccessTokenGuard,
  AccessTokens,
  Authorized,
  Caller,
  isLatchkeyRoute,
  LatchkeyModule,
  MachineIdentities,
  type VerifiedAccessToken,
} from 'latchkey';
import { map, type Observable } from 'rxjs';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';

/** One way to be a host, besides the versions of Nest and TypeORM that are installed. */
export interface Variant {
  readonly adapter: 'express' | 'fastify';
  readonly prefix: boolean;
  readonly versioning: 'none' | 'uri' | 'header';
  /** Whether guard, pipe, interceptor and filter of the host are bound to everything. */
  readonly strict: boolean;
  readonly database: 'url' | 'dataSource';
  readonly schema: string;
}

export class ItemDto {
  @IsString()
  name!: string;
}

@Controller({ path: 'items', version: '1' })
class ItemsController {
  @Get()
  list() {
    return ['an item'];
  }

  @Post()
  create(@Body() item: ItemDto) {
    return item;
  }

  @Get('broken')
  breakDown(): never {
    throw new Error('broken');
  }

  @Get('teapot')
  refuse(): never {
    throw new HttpException({ teapot: true }, 418);
  }
}

/** The routes that ask Latchkey: the only thing the host has with it that it does not have without. */
@Controller({ path: 'guarded', version: '1' })
class GuardedController {
  @Get()
  @UseGuards(AccessTokenGuard)
  who(@Caller() { identityName }: VerifiedAccessToken) {
    return { identityName };
  }

  @Get('reports')
  @Authorized('reports:read')
  reports() {
    return ['a report'];
  }
}

class DoorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return isLatchkeyRoute(context) || headers['x-door'] === 'open';
  }
}

class WrapInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return isLatchkeyRoute(context) ? next.handle() : next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

@Catch()
class HouseFilter implements ExceptionFilter {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    this.adapterHost.httpAdapter.reply(host.switchToHttp().getResponse(), { house: status }, status);
  }
}

class CreateItems1700000000000 implements MigrationInterface {
  name = 'CreateItems1700000000000';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE IF NOT EXISTS items (id integer)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE items');
  }
}

const hooks: string[] = [];

@Module({})
class HostModule implements OnModuleDestroy, BeforeApplicationShutdown {
  onModuleDestroy(): void {
    hooks.push('destroyed');
  }
  beforeApplicationShutdown(signal?: string): void {
    hooks.push(`shutting down ${signal ?? 'by itself'}`);
  }
}

class MemoryLogger implements LoggerService {
  readonly lines: string[] = [];
  log = this.note('log');
  warn = this.note('warn');
  error = this.note('error');
  fatal = this.note('fatal');

  private note(level: string) {
    return (message: unknown, ...rest: unknown[]) => {
      const context = rest.at(-1);
      // What Nest itself says of every module and route there is, ours included.
      if (['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication'].includes(String(context))) return;
      this.lines.push(`${level} ${String(context)} ${message instanceof Error ? message.message : String(message)}`);
    };
  }
}

function latchkey(url: string, { database, schema }: Variant): DynamicModule {
  const authSecret = process.env.HOSTS_SECRET!;
  const permissions = { 'reports:read': ['member'] };
  // Long, so that a busy machine is no reason to say anything.
  const revocationBoundMs = 30_000;
  if (database === 'url') {
    return LatchkeyModule.forRoot({
      database: { url, schema },
      authSecret,
      permissions,
      mountPath: '/latchkey',
      revocationBoundMs,
    });
  }
  return LatchkeyModule.forRootAsync({
    inject: [DataSource],
    useFactory: (dataSource: DataSource) => ({
      database: { dataSource, schema },
      authSecret,
      permissions,
      revocationBoundMs,
    }),
    mountPath: '/latchkey',
  });
}

export interface Host {
  readonly app: INestApplication;
  readonly logger: MemoryLogger;
}

/** Starts the application, with Latchkey in it or without. */
export async function start(url: string, variant: Variant, isWithLatchkey: boolean): Promise<Host> {
  const typeorm = { type: 'postgres' as const, url, migrations: [CreateItems1700000000000], migrationsRun: true };
  const root: DynamicModule = {
    module: HostModule,
    imports: [TypeOrmModule.forRoot({ ...typeorm, poolSize: 1 }), ...(isWithLatchkey ? [latchkey(url, variant)] : [])],
    controllers: [ItemsController, ...(isWithLatchkey ? [GuardedController] : [])],
  };
  const logger = new MemoryLogger();
  const adapter = variant.adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(root, adapter, { logger, abortOnError: false, cors: true });
  app.enableShutdownHooks(['SIGUSR2']);
  if (variant.prefix) app.setGlobalPrefix('v9');
  if (variant.versioning === 'uri') app.enableVersioning({ type: VersioningType.URI });
  if (variant.versioning === 'header') app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });
  if (variant.strict) {
    app.useGlobalGuards(new DoorGuard());
    app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, disableErrorMessages: true }));
    app.useGlobalInterceptors(new WrapInterceptor());
    app.useGlobalFilters(new HouseFilter(app.get(HttpAdapterHost)));
  }
  await app.listen(0, '127.0.0.1');
  return { app, logger };
}

export { AccessTokens, hooks, MachineIdentities };
