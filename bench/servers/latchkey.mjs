// The same Nest application with Latchkey in it, as any host embeds it, and its route guarded, unless GUARD=off.
// KEYS is a prefix of short keys, OUTBOUND a network that URLs of auth methods may reach.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { sayReady } from '../lib/processes.mjs';
import { reportController } from './report-controller.mjs';

const { AccessTokenGuard, LatchkeyModule } = createRequire(import.meta.url)('../../dist/src/index.js');

class AppModule {}
Module({
  imports: [
    LatchkeyModule.forRoot({
      database: { url: process.env.DATABASE_URL },
      authSecret: process.env.SECRET,
      bootstrapEndpoint: true,
      outboundAllow: process.env.OUTBOUND ? [process.env.OUTBOUND] : [],
      keys: process.env.KEYS ? { prefix: process.env.KEYS } : undefined,
    }),
  ],
  controllers: [reportController(...(process.env.GUARD === 'off' ? [] : [UseGuards(AccessTokenGuard)]))],
})(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
sayReady({ url: await app.getUrl() });
