// Fastify with @better-auth/api-key: every request has its key verified. Its rate limits are off, so that nothing is refused.
import { apiKey } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import Fastify from 'fastify';
import pg from 'pg';
import { bearer } from '../lib/connection.mjs';
import { sayReady } from '../lib/processes.mjs';
import { ANSWER } from './answer.mjs';

const options = {
  baseURL: 'http://127.0.0.1',
  secret: process.env.SECRET,
  database: new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 14 }),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: 'error' },
  plugins: [apiKey({ rateLimit: { enabled: false } })],
};
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);
const { internalAdapter } = await auth.$context;
const user = await internalAdapter.createUser({ name: 'Bench', email: 'bench@example.com', emailVerified: true });
const requests = [];
for (let made = 0; made < Number(process.env.TOKENS); made += 1) {
  const { key } = await auth.api.createApiKey({ body: { userId: user.id, name: `key ${made}` } });
  requests.push({ path: '/report', headers: bearer(key) });
}

const app = Fastify();
app.get('/report', async (request, reply) => {
  const { valid } = await auth.api.verifyApiKey({ body: { key: request.headers.authorization.slice(7) } });
  return valid ? ANSWER : reply.code(401).send({ message: 'Unauthorized' });
});
sayReady({ url: await app.listen({ host: '127.0.0.1', port: 0 }), requests });
