import { METHODS } from 'node:http';
import { requestText, sendRaw } from './support/raw-http';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const HEALTH = '/api/health';

describe('a request that few clients send', () => {
  let latchkey: TestLatchkey;
  beforeAll(async () => {
    latchkey = await startLatchkey();
  });
  afterAll(() => latchkey.stop());
  const send = (text: string) => sendRaw(latchkey.url, text);
  const withHosts = (...hosts: string[]) =>
    `GET ${HEALTH} HTTP/1.1\r\n${hosts.map((host) => `Host: ${host}\r\n`).join('')}Connection: close\r\n\r\n`;

  // Seen red: the first of two hosts was believed, and anything was a host.
  it.each([[['a', 'b']], [['a', 'a']], [['a b']], [['a/b']], [['user@a']], [['a:80:80']], [['[::1']]])(
    'is refused with the hosts %j',
    async (hosts) => {
      expect((await send(withHosts(...hosts))).status).toBe(400);
    },
  );

  it.each(['', 'a', 'a_b.example', 'example.test:8080', '192.0.2.1:1', '[2001:db8::1]:443', 'a:'])(
    'is answered with the host %j',
    async (host) => {
      expect((await send(withHosts(host))).status).toBe(200);
    },
  );

  // Seen red: 404 for methods that Fastify has no route for, and no answer at all to a tunnel.
  it.each(METHODS.filter((method) => !['GET', 'HEAD', 'OPTIONS', 'CONNECT'].includes(method)))(
    'with the method %s is told what the path knows',
    async (method) => {
      const { status, headers } = await send(requestText(method, HEALTH));
      expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    },
  );

  it('for a tunnel is refused', async () => {
    const { status, body } = await send(requestText('CONNECT', 'example.test:443'));
    expect([status, body.error]).toEqual([405, 'MethodNotAllowed']);
  });

  it('about no path at all is answered', async () => {
    expect((await send(requestText('OPTIONS', '*'))).status).toBe(204);
  });

  it('for a path that there is not stays unknown, whatever the method', async () => {
    for (const method of ['PROPFIND', 'PURGE', 'GET']) {
      expect((await send(requestText(method, '/nowhere'))).status).toBe(404);
    }
  });
});
