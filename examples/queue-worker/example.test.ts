import 'reflect-metadata';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { after, before, test } from 'node:test';
import { ConsoleLogger, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LatchkeyTestKit, startTestDatabase, type TestDatabase, type TestToken } from 'latchkey/testing';
import { DataSource } from 'typeorm';
import { AppModule } from './app.module.js';
import { Worker } from './worker.js';

const warnings = new EventEmitter();

class TestLogger extends ConsoleLogger {
  override warn(message: string): void {
    warnings.emit('warning', message);
  }
}

let database: TestDatabase;
let app: INestApplication;
let latchkey: LatchkeyTestKit;

before(async () => {
  database = await startTestDatabase();
  process.env.DATABASE_URL = database.url;
  process.env.LATCHKEY_AUTH_SECRET = randomBytes(48).toString('base64');
  app = await NestFactory.create(AppModule, { logger: new TestLogger({ logLevels: ['warn'] }) });
  await app.listen(0, '127.0.0.1');
  latchkey = new LatchkeyTestKit(app);
  // The test says when work is done.
  await app.get(Worker).onModuleDestroy();
});
after(async () => {
  await app.close();
  await database.stop();
});

async function order(token: TestToken | undefined, task: unknown) {
  const answer = await fetch(`${await app.getUrl()}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...token?.headers },
    body: JSON.stringify({ task }),
  });
  return { status: answer.status, id: ((await answer.json()) as { id: number }).id };
}

async function look({ headers }: TestToken, id: unknown) {
  return fetch(`${await app.getUrl()}/orders/${String(id)}`, { headers: { ...headers } });
}

async function outcome(token: TestToken, id: number) {
  return (await look(token, id)).json();
}

test('a job is done for whoever ordered it, and the token is not kept', async () => {
  const token = await latchkey.token({ name: 'shop', from: ['127.0.0.0/8'] });
  const { id } = await order(token, 'pack');
  await app.get(Worker).work();
  assert.deepEqual(await outcome(token, id), { state: 'done', outcome: 'pack for shop' });
  const kept = await app.get(DataSource).query('SELECT FROM jobs WHERE "accessToken" IS NOT NULL');
  assert.deepEqual(kept, []);
});

test('a job is refused when the token that ordered it was used up before its turn came', async () => {
  const once = await latchkey.token({ uses: 1 });
  const { id } = await order(once, 'pack');
  await app.get(Worker).work();
  const [job] = await app.get(DataSource).query('SELECT state, outcome, "accessToken" FROM jobs WHERE id = $1', [id]);
  assert.deepEqual(job, { state: 'refused', outcome: 'access_token_uses_exhausted', accessToken: null });
});

test('an order is nobody else’s business', async () => {
  const [owner, other] = [await latchkey.token({ name: 'owner' }), await latchkey.token({ name: 'other' })];
  const { id } = await order(owner, 'pack');
  assert.equal((await look(owner, id)).status, 200);
  assert.equal((await look(other, id)).status, 404);
  for (const none of [id + 1_000, 'x', '1e3', '-1', '99999999999']) assert.equal((await look(owner, none)).status, 404);
  await app.get(Worker).work();
});

test('nobody orders without a token, or nothing, and two workers do no job twice', async () => {
  assert.equal((await order(undefined, 'pack')).status, 401);
  const token = await latchkey.token({ name: 'shop' });
  assert.equal((await order(token, undefined)).status, 400);
  const ids = await Promise.all(Array.from({ length: 5 }, (_, index) => order(token, `pack ${index}`)));
  await Promise.all([app.get(Worker).work(), app.get(Worker).work()]);
  for (const [index, { id }] of ids.entries()) {
    assert.deepEqual(await outcome(token, id), { state: 'done', outcome: `pack ${index} for shop` });
  }
});

test('an outage ends neither the worker nor the process, and the jobs are done afterwards', async () => {
  const token = await latchkey.token({ name: 'shop' });
  const { id } = await order(token, 'pack');
  const warned = once(warnings, 'warning');
  await app.get(DataSource).query('ALTER TABLE jobs RENAME TO jobs_elsewhere');
  app.get(Worker).onApplicationBootstrap();
  assert.match(String(await warned), /The jobs must wait/);
  await app.get(DataSource).query('ALTER TABLE jobs_elsewhere RENAME TO jobs');
  const done = { state: 'done', outcome: 'pack for shop' };
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline && ((await outcome(token, id)) as typeof done).state === 'waiting') continue;
  assert.deepEqual(await outcome(token, id), done);
});
