import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import * as http from 'node:http';
import { gzipSync } from 'node:zlib';
import { Controller, Get, type INestApplication, Module, Put } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ReadinessService } from '../src/health/readiness.service';
import { LatchkeyModule } from '../src';
import { refused } from './support/api-client';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { requestText, sendRaw } from './support/raw-http';

const LOGIN = '/api/v1/auth/universal-auth/login';
const NOT_ALLOWED = refused(405, 'MethodNotAllowed', 'This route does not support the method.');
const NO_CODING = refused(415, 'UnsupportedMediaType', 'Send the body as it is, without a Content-Encoding.');

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

/** Sends what `fetch` would not, and answers the headers as they came. */
function send(url: string, { method, path, headers = {}, body }: Sent) {
  const { hostname, port } = new URL(url);
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string; body: unknown }>(
    (resolve, reject) => {
      const request = http.request({ hostname, port, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const isJson = text.startsWith('{');
          const parsed: unknown = isJson ? JSON.parse(text) : undefined;
          resolve({ status: response.statusCode!, headers: response.headers, text, body: parsed });
        });
      });
      request.on('error', reject).end(body);
    },
  );
}

const JSON_TYPE = { 'content-type': 'application/json' };

describe('the server', () => {
  let latchkey: TestLatchkey;
  beforeAll(async () => {
    latchkey = await startLatchkey({ trustedProxies: ['127.0.0.1'] });
  });
  afterAll(() => latchkey.stop());

  const authorization = () => `Bearer ${latchkey.admin.token}`;

  it.each([
    '/api/status',
    '/api/health',
    '/api/docs',
    '/api/docs/json',
    '/api/docs/yaml',
    '/api/docs/swagger-ui.css',
    '/api/v1/identities/details',
    '/api/v1/organization',
    `/api/v1/identities/${randomUUID()}`,
    '/api/v1/nothing',
  ])('answers HEAD %s as it would GET, without the body', async (path) => {
    for (const headers of [{}, { authorization: authorization() }]) {
      const get = await send(latchkey.url, { method: 'GET', path, headers });
      const head = await send(latchkey.url, { method: 'HEAD', path, headers });
      expect(head.status).toBe(get.status);
      expect(head.text).toBe('');
      const lasting = ({ headers: all }: typeof get) =>
        Object.entries(all).filter(([name]) => !['date', 'x-request-id', 'content-length'].includes(name));
      expect(lasting(head)).toEqual(lasting(get));
      // Ages and times are as long as they are.
      if (!path.endsWith('/health')) expect(head.headers['content-length']).toBe(get.headers['content-length']);
    }
  });

  it('counts HEAD as a use of the token, as it does GET', async () => {
    const { accessToken } = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 2 } });
    const headers = { authorization: `Bearer ${accessToken}` };
    const path = '/api/v1/identities/details';
    expect((await send(latchkey.url, { method: 'HEAD', path, headers })).status).toBe(200);
    expect((await send(latchkey.url, { method: 'GET', path, headers })).status).toBe(200);
    expect((await send(latchkey.url, { method: 'HEAD', path, headers })).status).toBe(401);
  });

  it.each([
    ['/api/status', 'GET, HEAD, OPTIONS'],
    ['/api/health/', 'GET, HEAD, OPTIONS'],
    ['/api/docs', 'GET, HEAD, OPTIONS'],
    ['/api/docs/json', 'GET, HEAD, OPTIONS'],
    [LOGIN, 'OPTIONS, POST'],
    ['/api/v1/identities', 'GET, HEAD, OPTIONS, POST'],
    ['//api//v1//identities', 'GET, HEAD, OPTIONS, POST'],
    ['/api/v1/identities/search', 'DELETE, GET, HEAD, OPTIONS, PATCH, POST'],
    [`/api/v1/identities/${randomUUID()}`, 'DELETE, GET, HEAD, OPTIONS, PATCH'],
  ])('says which methods %s knows', async (path, allow) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'].filter(
      (it) => !allow.includes(it),
    )) {
      const body = ['POST', 'PUT', 'PATCH'].includes(method) ? '{ broken' : undefined;
      const answer = await send(latchkey.url, { method, path, body, headers: body && { ...JSON_TYPE } });
      if (method === 'HEAD') expect(answer.status).toBe(405);
      else expect(answer).toMatchObject({ status: 405, body: NOT_ALLOWED.body });
      expect(answer.headers.allow).toBe(allow);
    }
    const options = await send(latchkey.url, { method: 'OPTIONS', path });
    expect(options).toMatchObject({ status: 204, text: '', headers: { allow } });
  });

  it('lets no header choose another method', async () => {
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      const answer = await send(latchkey.url, { method: 'POST', path: '/api/status', headers: { [name]: 'GET' } });
      expect(answer.status).toBe(405);
    }
  });

  it('names every request in its answer, in a refusal by the same name', async () => {
    const ids = new Set<string>();
    const requests: Sent[] = [
      { method: 'GET', path: '/api/status' },
      { method: 'GET', path: '/api/docs' },
      { method: 'GET', path: '/api/docs/json' },
      { method: 'GET', path: '/api/v1/identities/details', headers: { authorization: authorization() } },
      { method: 'GET', path: '/api/v1/identities/details' },
      { method: 'GET', path: '/nothing' },
      { method: 'GET', path: '/%zz' },
      { method: 'PUT', path: '/api/status' },
      { method: 'OPTIONS', path: '/api/status' },
      { method: 'POST', path: LOGIN, body: '{', headers: JSON_TYPE },
      { method: 'POST', path: LOGIN, body: '{}', headers: JSON_TYPE },
      { method: 'POST', path: LOGIN, body: 'x'.repeat(110_000), headers: JSON_TYPE },
      { method: 'POST', path: LOGIN, body: 'x', headers: { 'content-type': 'text/plain' } },
      { method: 'GET', path: '/api/status', headers: { 'x-filler': 'x'.repeat(17_000) } },
    ];
    for (const request of requests) {
      const { headers, body } = await send(latchkey.url, request);
      const id = headers['x-request-id'] as string;
      expect(id).toMatch(/^req-[A-Za-z0-9]{14}$/);
      expect(ids).not.toContain(id);
      ids.add(id);
      expect((body as { reqId?: string } | undefined)?.reqId ?? id).toBe(id);
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
    const bad = await sendRaw(latchkey.url, 'NONSENSE\r\n\r\n');
    expect(bad.headers.get('x-request-id')).toBe(bad.body.reqId);
  });

  it('challenges whoever is refused with 401, a login too', async () => {
    const credentials = { clientId: randomUUID(), clientSecret: 'wrong' };
    const login = await latchkey.anonymous.post(LOGIN, credentials);
    expect(login).toMatchObject({ status: 401 });
    expect(login.headers.get('www-authenticate')).toBe('Bearer');
    expect((await latchkey.anonymous.get('/api/v1/identities')).headers.get('www-authenticate')).toBe('Bearer');
    const { headers } = await latchkey.as('a.b.c').get('/api/v1/identities');
    expect(headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  describe('a body', () => {
    const post = (headers: http.OutgoingHttpHeaders, body: string | Buffer = '{}') =>
      send(latchkey.url, { method: 'POST', path: LOGIN, headers: { ...JSON_TYPE, ...headers }, body });

    it.each(['gzip', 'GZIP', 'br', 'deflate', 'zstd', 'x-unknown', 'identity, gzip', 'gzip, identity', '*'])(
      'in the coding %s is refused, whatever it holds',
      async (coding) => {
        for (const body of ['{}', gzipSync('{}')]) {
          const answer = await post({ 'content-encoding': coding }, body);
          expect(answer).toMatchObject({ status: 415, body: NO_CODING.body });
          expect(answer.headers['accept-encoding']).toBe('identity');
        }
      },
    );

    it.each(['identity', 'Identity', ''])('in the coding %j is taken as it is', async (coding) => {
      expect((await post({ 'content-encoding': coding })).status).toBe(422);
    });

    it('that there is none of is in no coding', async () => {
      const headers = { 'content-encoding': 'gzip' };
      expect((await send(latchkey.url, { method: 'GET', path: '/api/status', headers })).status).toBe(200);
      expect((await post({ 'content-length': 0 }, '')).status).toBe(422);
    });

    it.each(['utf-16', 'UTF-16LE', 'iso-8859-1', '"latin1"', 'utf-7'])(
      'in the characters of %s is refused',
      async (charset) => {
        expect((await post({ 'content-type': `application/json; charset=${charset}` })).status).toBe(415);
      },
    );

    it.each(['utf-8', 'UTF-8', '"utf-8"', 'utf8'])('in the characters of %s is read', async (charset) => {
      expect((await post({ 'content-type': `application/json; charset=${charset}` })).status).toBe(422);
    });

    it('of two types at once is refused, as is one that is transferred in a coding', async () => {
      const twice = requestText(
        'POST',
        LOGIN,
        [
          ['Content-Type', 'application/json'],
          ['Content-Type', 'text/plain'],
        ],
        '{}',
      );
      expect((await sendRaw(latchkey.url, twice)).status).toBe(400);
      const head = `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n`;
      const gzipped = `${head}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`;
      expect((await sendRaw(latchkey.url, gzipped)).status).toBe(415);
      const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`;
      expect((await sendRaw(latchkey.url, chunked)).status).toBe(422);
    });

    it('that is expected to be asked for is, and nothing else can be expected', async () => {
      const asked = await sendRaw(latchkey.url, requestText('POST', LOGIN, [['Expect', 'nonsense']], '{}'));
      expect(asked.status).toBe(417);
      expect(asked.body).toMatchObject({ statusCode: 417, error: 'ExpectationFailed' });
    });
  });

  it('whatever a client accepts, the answer is JSON', async () => {
    for (const accept of ['text/html', 'image/png', 'application/json;q=0', 'nonsense']) {
      const answer = await send(latchkey.url, { method: 'GET', path: '/api/status', headers: { accept } });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toMatch(/^application\/json/);
    }
  });

  it('closes its documentation to other pages and scripts, and keeps no token for it', async () => {
    for (const path of ['/api/docs', '/api/docs/', '/api/docs/swagger-ui-init.js', '/api/docs/json']) {
      const { headers, text } = await send(latchkey.url, { method: 'GET', path });
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; /);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' });
      expect(text).not.toMatch(/"persistAuthorization": ?true/);
    }
  });

  it('tells strangers nothing of the machine it runs on', async () => {
    const { body } = await latchkey.anonymous.get('/api/health');
    expect(body).not.toHaveProperty('node');
    expect(JSON.stringify(body)).not.toContain(String(process.pid));
  });

  it('says why everybody behind a proxy is refused, once in a while', async () => {
    const { accessToken } = await latchkey.given.token();
    const from = (address: string) =>
      latchkey.as(accessToken).get('/api/v1/identities/details', { 'x-forwarded-for': address });
    for (const address of ['203.0.113.7:54321', '[2001:db8::1]:443', '"[2001:db8::1]:443"'])
      expect((await from(address)).status).toBe(200);
    for (const address of ['unknown', '_hidden', '[2001:db8::1', 'unknown'])
      expect((await from(address)).status).toBe(403);
    const said = latchkey.logs.filter((line) => line.includes('address.unreadable'));
    expect(said).toHaveLength(1);
    expect(JSON.parse(said[0]!)).toMatchObject({
      message: { event: 'address.unreadable', forwardedFor: 'unknown', proxy: expect.stringContaining('127.0.0.1') },
    });
  });
});

describe('readiness', () => {
  it('ends when the node is to end, while everything else is still answered', async () => {
    const latchkey = await startLatchkey();
    expect((await latchkey.anonymous.get('/api/health')).status).toBe(200);
    const readiness = latchkey.app.get(ReadinessService, { strict: false });
    const drained = readiness.drain(60_000);
    const answer = await latchkey.anonymous.get('/api/health');
    expect(answer).toEqual(refused(503, 'ServiceUnavailable', 'This node is shutting down.', { draining: true }));
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('connection')).toBe('close');
    expect((await latchkey.admin.get('/api/v1/identities/details')).status).toBe(200);
    expect((await latchkey.anonymous.get('/api/status')).status).toBe(200);
    readiness.hurry();
    await drained;
    await latchkey.stop();
  });

  it('is not waited for where nobody asks for it', async () => {
    const readiness = new ReadinessService();
    await readiness.drain(3_600_000);
    expect(readiness.isDraining).toBe(true);
  });
});

describe('scripts of another origin', () => {
  const CONSOLE = 'https://console.test';

  it.each([
    ['of a list', [CONSOLE, 'http://localhost:3000'], CONSOLE, 'https://evil.test'],
    ['of any origin', ['*'], '*', undefined],
  ])('%s may call, and read what a client needs', async (_, corsOrigins, allowed, stranger) => {
    const latchkey = await startLatchkey({}, { http: { corsOrigins } });
    const call = (method: string, path: string, headers: http.OutgoingHttpHeaders) =>
      send(latchkey.url, { method, path, headers });
    const preflight = {
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization,x-y',
    };
    const path = `/api/v1/identities/${randomUUID()}`;

    const asked = await call('OPTIONS', path, { origin: CONSOLE, ...preflight });
    expect(asked.status).toBe(204);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': allowed,
      'access-control-allow-headers': 'authorization,x-y',
      'access-control-allow-methods': expect.stringContaining('PATCH'),
      vary: expect.stringContaining('Access-Control-Request-Headers'),
    });
    for (const [method, where] of [
      ['GET', path],
      ['GET', '/nothing'],
      ['PUT', path],
      ['GET', '/api/status'],
    ] as const) {
      const { headers } = await call(method, where, { origin: CONSOLE });
      expect(headers['access-control-allow-origin']).toBe(allowed);
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      for (const name of ['WWW-Authenticate', 'Retry-After', 'X-Request-Id', 'RateLimit'])
        expect(headers['access-control-expose-headers']).toContain(name);
      expect(headers.vary).toBe(allowed === '*' ? undefined : 'Origin');
    }
    if (stranger !== undefined) {
      for (const method of ['OPTIONS', 'GET']) {
        const { headers } = await call(method, path, { origin: stranger, ...preflight });
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
        expect(headers.vary).toBe('Origin');
      }
    }
    await latchkey.stop();
  });
});

describe('behind a proxy that takes a prefix off', () => {
  it('the document names the public address, and the page may call it', async () => {
    const latchkey = await startLatchkey({}, { http: { publicUrl: 'https://example.test/latchkey/' } });
    const { body } = await latchkey.anonymous.get('/api/docs/json');
    expect(body.servers).toEqual([{ url: 'https://example.test/latchkey', description: 'This server' }]);
    const { headers } = await send(latchkey.url, { method: 'GET', path: '/api/docs' });
    expect(headers['content-security-policy']).toContain("connect-src 'self' https://example.test;");
    await latchkey.stop();
  });
});

@Controller()
class HostController {
  @Get('own')
  own() {
    return { own: true };
  }

  @Put('latchkey/api/status')
  put() {
    return { hosts: true };
  }
}

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const)('in a host on %s', (_, adapter: () => AbstractHttpAdapter) => {
  let app: INestApplication;
  let url: string;
  const options = {
    database: { url: process.env.LATCHKEY_TEST_DATABASE! },
    authSecret: randomBytes(48).toString('base64'),
    migrate: 'never' as const,
    mountPath: '/latchkey',
  };

  beforeAll(async () => {
    @Module({ imports: [LatchkeyModule.forRoot(options)], controllers: [HostController] })
    class HostModule {}
    app = await NestFactory.create(HostModule, adapter(), { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(() => app.close());

  it('HEAD is answered as GET is', async () => {
    for (const path of ['/latchkey/api/status', '/latchkey/api/v1/identities/details', '/own']) {
      const get = await send(url, { method: 'GET', path });
      const head = await send(url, { method: 'HEAD', path });
      expect([head.status, head.text, head.headers['content-type']]).toEqual([
        get.status,
        '',
        get.headers['content-type'],
      ]);
    }
  });

  it('a method that a path does not know is 405 with those it does, before its body is read', async () => {
    for (const [path, allow] of [
      [`/latchkey${LOGIN}`, 'OPTIONS, POST'],
      ['/latchkey/api/v1/identities', 'GET, HEAD, OPTIONS, POST'],
      [`/latchkey/api/v1/identities/${randomUUID()}`, 'DELETE, GET, HEAD, OPTIONS, PATCH'],
    ] as const) {
      const answer = await send(url, { method: 'PUT', path });
      expect(answer).toMatchObject({ status: 405, body: NOT_ALLOWED.body, headers: { allow } });
      expect(answer.headers['x-request-id']).toBe((answer.body as { reqId: string }).reqId);
      expect(await send(url, { method: 'OPTIONS', path })).toMatchObject({ status: 204, text: '', headers: { allow } });
    }
  });

  it("the application's own routes and paths are as they were", async () => {
    expect((await send(url, { method: 'PUT', path: '/latchkey/api/status' })).body).toEqual({ hosts: true });
    expect((await send(url, { method: 'DELETE', path: '/latchkey/api/status' })).status).toBe(405);
    for (const [method, path] of [
      ['PUT', '/own'],
      ['GET', '/nothing'],
      ['PUT', '/latchkey/nothing'],
    ] as const)
      expect((await send(url, { method, path })).status).toBe(404);
    expect((await send(url, { method: 'GET', path: '/own' })).headers).not.toHaveProperty('x-request-id');
  });

  it('answers are named, refusals by the same name, and no type is guessed', async () => {
    for (const path of ['/latchkey/api/status', '/latchkey/api/v1/identities']) {
      const { headers, body } = await send(url, { method: 'GET', path });
      const id = headers['x-request-id'];
      expect(id).toMatch(/^req-/);
      expect((body as { reqId?: string }).reqId ?? id).toBe(id);
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
  });

  it('a body in a coding or in other characters is refused', async () => {
    const post = (headers: http.OutgoingHttpHeaders, body: string | Buffer) =>
      send(url, { method: 'POST', path: `/latchkey${LOGIN}`, headers: { ...JSON_TYPE, ...headers }, body });
    expect(await post({ 'content-encoding': 'gzip' }, gzipSync('{}'))).not.toMatchObject({ status: 422 });
    expect((await post({ 'content-encoding': 'identity' }, '{}')).status).toBe(422);
    const credentials = `clientId=${randomUUID()}&clientSecret=x`;
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await post({ ...form, 'content-encoding': 'x-y' }, credentials);
    expect(answer.status).toBe(415);
  });
});
