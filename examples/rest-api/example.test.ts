import 'reflect-metadata';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { startTestDatabase, type TestDatabase } from 'latchkey/testing';
import { AppModule } from './app.module.js';

let database: TestDatabase;
let app: INestApplication;

before(async () => {
  database = await startTestDatabase();
  process.env.DATABASE_URL = database.url;
  process.env.LATCHKEY_AUTH_SECRET = randomBytes(48).toString('base64');
  app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
});
after(async () => {
  await app.close();
  await database.stop();
});

async function ask(method: string, path: string, key?: string, body?: object) {
  const answer = await fetch(`${await app.getUrl()}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

test('a customer signs up, makes a key, uses it and revokes it', async () => {
  const { key: owner } = (await ask('POST', '/customers', undefined, { name: 'Acme' })).body;
  const { id, key } = (await ask('POST', '/keys', owner, { name: 'bookkeeping' })).body;
  const invoices = { customer: 'Acme', readWith: 'bookkeeping', invoices: [{ number: 1, total: 42 }] };
  assert.deepEqual(await ask('GET', '/invoices', key), { status: 200, body: invoices });

  assert.equal((await ask('DELETE', `/keys/${id}`, owner)).status, 204);
  assert.equal((await ask('GET', '/invoices', key)).status, 401);
  assert.equal((await ask('DELETE', `/keys/${id}`, owner)).status, 404);
});

test('a key that only reads makes no keys, and nobody reads without one', async () => {
  const { key: owner } = (await ask('POST', '/customers', undefined, { name: 'Acme' })).body;
  const { key } = (await ask('POST', '/keys', owner, { name: 'reader' })).body;
  assert.equal((await ask('POST', '/keys', key, { name: 'another' })).status, 403);
  assert.equal((await ask('GET', '/invoices')).status, 401);
});

test('a key is good from the addresses it was made for', async () => {
  const { key: owner } = (await ask('POST', '/customers', undefined, { name: 'Acme' })).body;
  const { key } = (await ask('POST', '/keys', owner, { name: 'office', from: ['203.0.113.0/24'] })).body;
  assert.equal((await ask('GET', '/invoices', key)).status, 403);
});

test('no customer revokes the key of another', async () => {
  const { key: acme } = (await ask('POST', '/customers', undefined, { name: 'Acme' })).body;
  const { key: other } = (await ask('POST', '/customers', undefined, { name: 'Other' })).body;
  const { id, key } = (await ask('POST', '/keys', acme, { name: 'reader' })).body;
  assert.equal((await ask('DELETE', `/keys/${id}`, other)).status, 404);
  assert.equal((await ask('GET', '/invoices', key)).status, 200);
});
