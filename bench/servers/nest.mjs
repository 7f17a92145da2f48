// A Nest application on Fastify with one route, and nothing that asks who is calling; with GUARD=yes, a guard that does not
// ask either.
import 'reflect-metadata';
import { Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { sayReady } from '../lib/processes.mjs';
import { reportController } from './report-controller.mjs';

class YesGuard {
  canActivate() {
    return true;
  }
}
class AppModule {}
Module({ controllers: [reportController(...(process.env.GUARD === 'yes' ? [UseGuards(YesGuard)] : []))] })(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error'] });
await app.listen(0, '127.0.0.1');
sayReady({ url: await app.getUrl() });
