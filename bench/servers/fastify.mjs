// Bare Fastify; with VERIFY=jsonwebtoken, a check of the signature and the expiry, and nothing else.
import { createSecretKey } from 'node:crypto';
import Fastify from 'fastify';
import jsonwebtoken from 'jsonwebtoken';
import { sayReady } from '../lib/processes.mjs';
import { ANSWER } from './answer.mjs';

const app = Fastify();
if (process.env.VERIFY === 'jsonwebtoken') {
  // Given text, jsonwebtoken would try to read it as a public key first, on every call.
  const key = createSecretKey(Buffer.from(process.env.SECRET));
  app.addHook('onRequest', (request, reply, done) => {
    try {
      jsonwebtoken.verify(request.headers.authorization.slice(7), key, { algorithms: ['HS256'] });
      done();
    } catch {
      void reply.code(401).send({ message: 'Unauthorized' });
    }
  });
}
app.get('/report', () => ANSWER);
sayReady({ url: await app.listen({ host: '127.0.0.1', port: 0 }) });
