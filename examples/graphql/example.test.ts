import 'reflect-metadata';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { LatchkeyTestKit, startTestDatabase, type TestDatabase } from 'latchkey/testing';
import { AppModule } from './app.module.js';

let database: TestDatabase;
let app: INestApplication;
let latchkey: LatchkeyTestKit;

before(async () => {
  database = await startTestDatabase();
  process.env.DATABASE_URL = database.url;
  process.env.LATCHKEY_AUTH_SECRET = randomBytes(48).toString('base64');
  app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  latchkey = new LatchkeyTestKit(app);
});
after(async () => {
  await app.close();
  await database.stop();
});

interface Answer {
  readonly data: unknown;
  readonly errors?: { readonly message: string }[];
}

async function ask(query: string, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${await app.getUrl()}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await answer.json()) as Answer;
  return { data, ...(errors && { errors: errors.map(({ message }) => ({ message })) }) };
}

const ADD = 'mutation { add(title: "Emma") { title addedBy } }';

test('whoever may write adds a book, and everybody reads it', async () => {
  const { headers } = await latchkey.token({ name: 'library', permissions: ['books:write'] });
  const book = { title: 'Emma', addedBy: 'library' };
  assert.deepEqual(await ask(ADD, { ...headers }), { data: { add: book } });
  assert.deepEqual(await ask('{ books { title addedBy } }'), { data: { books: [book] } });
});

test('nobody adds without a token or the permission', async () => {
  assert.deepEqual(await ask(ADD), { data: null, errors: [{ message: 'Token missing' }] });
  const { headers } = await latchkey.token();
  const message = 'You are not allowed to write on books';
  assert.deepEqual(await ask(ADD, { ...headers }), { data: null, errors: [{ message }] });
});

test('one may ask who one is without being anybody, but not with a revoked token', async () => {
  assert.deepEqual(await ask('{ me }'), { data: { me: null } });
  assert.deepEqual(await ask('{ me }', { ...(await latchkey.token({ name: 'I' })).headers }), { data: { me: 'I' } });
  const { headers } = await latchkey.token({ state: 'revoked' });
  assert.match((await ask('{ me }', { ...headers })).errors![0]!.message, /token has been revoked/);
});

test('a request with several fields is one use of the token', async () => {
  const { headers } = await latchkey.token({ name: 'I', uses: 1 });
  assert.deepEqual(await ask('{ me, again: me }', { ...headers }), { data: { me: 'I', again: 'I' } });
  assert.match((await ask('{ me }', { ...headers })).errors![0]!.message, /usage limit/);
});
