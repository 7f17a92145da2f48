import { randomBytes } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { startTestDatabase, type TestDatabase } from 'latchkey/testing';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { AppModule } from '../src/app.module.js';

describe('API keys (e2e)', () => {
  let database: TestDatabase;
  let app: INestApplication<App>;

  beforeAll(async () => {
    database = await startTestDatabase();
    process.env.DATABASE_URL = database.url;
    process.env.LATCHKEY_AUTH_SECRET = randomBytes(48).toString('base64');
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = module.createNestApplication();
    await app.init();
    await request(app.getHttpServer()).post('/customers').send({ id: 'acme', name: 'Acme' }).expect(201);
  }, 60_000);

  afterAll(async () => {
    await app.close();
    await database.stop();
  }, 60_000);

  it('creates, lists, uses and revokes a key', async () => {
    const http = request.agent(app.getHttpServer()).set('x-signed-in', 'acme');
    const { body: created } = await http.post('/api-keys').send({ name: 'backup', days: 90 }).expect(201);
    expect(created.key).toMatch(/^acme_live_/);
    const withKey = { authorization: `Bearer ${created.key}` };
    await http.get('/files').set(withKey).expect(200);
    await http.post('/files').set(withKey).expect(403);
    await http.get('/usage').set(withKey).expect(200, { customer: 'acme', megabytes: 12 });

    const { body: page } = await http.get('/api-keys').expect(200);
    expect(page.tokens[0]).toMatchObject({ tokenId: created.id, name: 'backup', state: 'active' });
    await http.delete(`/api-keys/${created.id}`).expect(200);
    await http.get('/files').set(withKey).expect(401);
  });

  it('lets only customers who are signed in create keys', async () => {
    await request(app.getHttpServer()).post('/api-keys').send({ name: 'mine' }).expect(401);
  });
});
