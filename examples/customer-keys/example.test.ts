import 'reflect-metadata';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { startTestDatabase, type TestDatabase } from 'latchkey/testing';
import { AppModule } from './app.module.js';
import { KeyNotices } from './key-notices.js';

let database: TestDatabase;
let app: INestApplication;

before(async () => {
  database = await startTestDatabase();
  process.env.DATABASE_URL = database.url;
  process.env.LATCHKEY_AUTH_SECRET = randomBytes(48).toString('base64');
  app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  for (const id of ['acme', 'other']) await ask('POST', '/customers', {}, { id, name: id });
});
after(async () => {
  await app.close();
  await database.stop();
});

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: object) {
  const answer = await fetch(`${await app.getUrl()}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

const signedIn = (customer: string) => ({ 'x-signed-in': customer });
const withKey = (key: string) => ({ authorization: `Bearer ${key}` });

test('a customer creates, lists, uses and revokes a key', async () => {
  const acme = signedIn('acme');
  const { id, key } = (await ask('POST', '/api-keys', acme, { name: 'backup' })).body;
  const files = { customer: 'acme', readWith: 'backup', files: ['contract.pdf'] };
  assert.deepEqual(await ask('GET', '/files', withKey(key)), { status: 200, body: files });
  assert.equal((await ask('POST', '/files', withKey(key))).status, 403);

  const { tokens } = (await ask('GET', '/api-keys', acme)).body;
  assert.deepEqual([tokens[0].tokenId, tokens[0].name, tokens[0].state], [id, 'backup', 'active']);
  assert.equal(JSON.stringify(tokens).includes(key), false);
  assert.equal((await ask('DELETE', `/api-keys/${id}`, acme)).status, 200);
  assert.equal((await ask('GET', '/files', withKey(key))).status, 401);
});

test('a customer is told that a key is used and revoked', async () => {
  const acme = signedIn('acme');
  const { id, key } = (await ask('POST', '/api-keys', acme, { name: 'noticed' })).body;
  await ask('GET', '/files', withKey(key));
  const isSent = (notice: string) => [...app.get(KeyNotices).sent.values()].includes(notice);
  const sent = async (notice: string) => {
    for (let tries = 0; tries < 100 && !isSent(notice); tries += 1) await new Promise((go) => setTimeout(go, 100));
    assert.ok(isSent(notice), notice);
  };
  await sent('acme: your key noticed is in use');
  await ask('DELETE', `/api-keys/${id}`, acme);
  await sent('acme: your key noticed was revoked');
});

test('a key is replaced while both work', async () => {
  const acme = signedIn('acme');
  const { id, key } = (await ask('POST', '/api-keys', acme, { name: 'sync', canWrite: true })).body;
  const next = (await ask('POST', `/api-keys/${id}/rotate`, acme)).body;
  assert.equal((await ask('POST', '/files', withKey(key))).status, 201);
  assert.equal((await ask('POST', '/files', withKey(next.key))).status, 201);
});

test('no customer sees or revokes the key of another, and a customer signs up once', async () => {
  const { id, key } = (await ask('POST', '/api-keys', signedIn('acme'), { name: 'mine' })).body;
  assert.equal((await ask('DELETE', `/api-keys/${id}`, signedIn('other'))).status, 404);
  assert.deepEqual((await ask('GET', '/api-keys', signedIn('other'))).body.tokens, []);
  assert.equal((await ask('GET', '/api-keys')).status, 401);
  assert.equal((await ask('GET', '/files', withKey(key))).status, 200);
  assert.equal((await ask('POST', '/customers', {}, { id: 'acme', name: 'Again' })).status, 400);
});
