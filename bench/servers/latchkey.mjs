// The same Nest application with Latchkey in it, as any host embeds it, and its route guarded, unless GUARD=off.
// METRICS=on serves and reads the metrics of the stand-alone server. KEYS is a prefix of short keys, OUTBOUND a network that URLs of
// auth methods may reach. With AUDIT=off nothing is recorded.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { sayReady } from '../lib/processes.mjs';
import { reportController } from './report-controller.mjs';

const require = createRequire(import.meta.url);
const { AccessTokenGuard, LatchkeyModule } = require('../../dist/src/index.js');

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
if (process.env.AUDIT === 'off') {
  const trail = app.get(require('../../dist/src/changes/audit-trail.js').AuditTrail, { strict: false });
  trail.record = trail.observe = async () => undefined;
}
await app.listen(0, '127.0.0.1');
if (process.env.METRICS === 'on') {
  const { MetricsServer } = require('../../dist/src/server/metrics-server.js');
  const metrics = await new MetricsServer(app).listen({ host: '127.0.0.1', port: 0 });
  setInterval(() => fetch(metrics).then((answer) => answer.text()), 1_000);
}
sayReady({ url: await app.getUrl() });
