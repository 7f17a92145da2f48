import 'reflect-metadata';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { NestFactory } from '@nestjs/core';
import { LatchkeyModule } from '../../src';
import { AuditStreamCourier } from '../../src/audit-log/streams/audit-stream.courier';

// A node that delivers what is due once, and says so before.
async function main(): Promise<void> {
  const { DATABASE_URL, AUTH_SECRET } = process.env;
  const database = { url: DATABASE_URL!, pushUrl: false as const };
  const options = { migrate: 'never', maintenance: false, outboundAllow: ['127.0.0.0/8'] } as const;
  const latchkey = LatchkeyModule.forRoot({ database, authSecret: AUTH_SECRET!, ...options });
  const app = await NestFactory.create(latchkey, new FastifyAdapter(), { logger: false });
  await app.init();
  await app.get(AuditStreamCourier, { strict: false }).deliverDue();
  await app.close();
}

void main();
