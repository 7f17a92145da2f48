import 'reflect-metadata';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LatchkeyTestKit, startTestDatabase, type TestDatabase, type TestToken } from 'latchkey/testing';
import { AppModule } from './app.module.js';
import { Worker } from './worker.js';

let database: TestDatabase;
let app: INestApplication;
let latchkey: LatchkeyTestKit;

before(async () => {
  database = await startTestDatabase();
  process.env.DATABASE_URL = database.url;
  process.env.LATCHKEY_AUTH_SECRET = randomBytes(48).toString('base64');
  app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  latchkey = new LatchkeyTestKit(app);
  // The test says when work is done.
  app.get(Worker).onModuleDestroy();
});
after(async () => {
  await app.close();
  await database.stop();
});

async function order({ headers }: TestToken, task: string) {
  const answer = await fetch(`${await app.getUrl()}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ task }),
  });
  return { status: answer.status, id: ((await answer.json()) as { id: number }).id };
}

async function outcome({ headers }: TestToken, id: number) {
  return (await fetch(`${await app.getUrl()}/orders/${id}`, { headers })).json();
}

test('a job is done for whoever ordered it', async () => {
  const token = await latchkey.token({ name: 'shop', from: ['127.0.0.0/8'] });
  const { id } = await order(token, 'pack');
  await app.get(Worker).work();
  assert.deepEqual(await outcome(token, id), { state: 'done', outcome: 'pack for shop' });
});

test('a job is refused when the token was revoked before its turn came', async () => {
  const [watcher, token] = [await latchkey.token(), await latchkey.token()];
  const { id } = await order(token, 'pack');
  await latchkey.revoke(token);
  await app.get(Worker).work();
  assert.deepEqual(await outcome(watcher, id), { state: 'refused', outcome: 'access_token_token_revoked' });
});

test('nobody orders without a token, and two workers do no job twice', async () => {
  assert.equal((await order({ headers: {} } as unknown as TestToken, 'pack')).status, 401);
  const token = await latchkey.token({ name: 'shop' });
  const ids = await Promise.all(Array.from({ length: 5 }, (_, index) => order(token, `pack ${index}`)));
  await Promise.all([app.get(Worker).work(), app.get(Worker).work()]);
  for (const [index, { id }] of ids.entries()) {
    assert.deepEqual(await outcome(token, id), { state: 'done', outcome: `pack ${index} for shop` });
  }
});
