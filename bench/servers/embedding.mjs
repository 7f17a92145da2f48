// A Nest application that has TypeORM, validation and one route, and with SWAGGER=yes its document. With LATCHKEY=yes, Latchkey is
// in it, as any host embeds it; with LATCHKEY=code, without the REST API.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Module, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import { sayReady } from '../lib/processes.mjs';
import { reportController } from './report-controller.mjs';

const url = process.env.DATABASE_URL;
const imports = [TypeOrmModule.forRoot({ type: 'postgres', url })];
if (process.env.LATCHKEY) {
  const { LatchkeyModule } = createRequire(import.meta.url)('../../dist/src/index.js');
  const controllers = process.env.LATCHKEY === 'yes';
  imports.push(LatchkeyModule.forRoot({ database: { url }, authSecret: process.env.SECRET, controllers }));
}

class AppModule {}
Module({ imports, controllers: [reportController()] })(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
app.useGlobalPipes(new ValidationPipe());
if (process.env.SWAGGER) {
  const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
  const config = new DocumentBuilder().build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config));
}
await app.listen(0, '127.0.0.1');
sayReady({ url: await app.getUrl() });
