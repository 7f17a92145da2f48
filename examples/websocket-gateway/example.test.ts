import 'reflect-metadata';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { LatchkeyTestKit, startTestDatabase, type TestDatabase } from 'latchkey/testing';
import { WebSocket } from 'ws';
import { AppModule } from './app.module.js';

let database: TestDatabase;
let app: INestApplication;
let latchkey: LatchkeyTestKit;

before(async () => {
  database = await startTestDatabase();
  process.env.DATABASE_URL = database.url;
  process.env.LATCHKEY_AUTH_SECRET = randomBytes(48).toString('base64');
  app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  latchkey = new LatchkeyTestKit(app);
});
after(async () => {
  await app.close();
  await database.stop();
});

/** A socket, opened with these headers. */
async function open(headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${(await app.getUrl()).replace('http', 'ws')}/prices`, { headers });
  await once(socket, 'open');
  const ask = async (of: string) => {
    socket.send(JSON.stringify({ event: 'price', data: { of } }));
    const [message] = (await once(socket, 'message')) as [Buffer];
    return JSON.parse(message.toString()) as unknown;
  };
  return { socket, ask };
}

test('whoever may read prices is told them, by name', async () => {
  const { headers } = await latchkey.token({ name: 'ticker', permissions: ['prices:read'] });
  const { socket, ask } = await open(headers);
  const price = { event: 'price', data: { of: 'tea', for: 'ticker', price: 3 } };
  assert.deepEqual(await ask('tea'), price);
  assert.deepEqual(await ask('tea'), price);
  socket.close();
});

test('a socket that is open is worth nothing once its token is revoked', async () => {
  const token = await latchkey.token({ permissions: ['prices:read'] });
  const { socket, ask } = await open(token.headers);
  await ask('tea');
  await latchkey.revoke(token);
  const closed = once(socket, 'close');
  assert.deepEqual(await ask('tea'), { event: 'refused', data: { code: 'access_token_revoked' } });
  assert.equal((await closed)[0], 1008);
});

test('a stranger is refused, and so is a caller without the permission, who may stay', async () => {
  const stranger = await open();
  assert.deepEqual(await stranger.ask('tea'), { event: 'refused', data: { code: 'access_token_missing' } });
  const { socket, ask } = await open((await latchkey.token()).headers);
  assert.deepEqual(await ask('tea'), { event: 'refused', data: { code: 'permission_denied' } });
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.close();
});

test('every message is a use of the token', async () => {
  const { headers } = await latchkey.token({ permissions: ['prices:read'], uses: 2 });
  const { ask } = await open(headers);
  await ask('tea');
  await ask('tea');
  assert.deepEqual(await ask('tea'), { event: 'refused', data: { code: 'access_token_uses_exhausted' } });
});
