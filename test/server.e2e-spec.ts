import * as fs from 'node:fs';
import {
  bootstrapFile,
  details,
  readBootstrap,
  start,
  usesOf,
  useStandAloneServers,
} from './support/stand-alone-server';

jest.setTimeout(60_000);

describe('the stand-alone server', () => {
  useStandAloneServers();

  it('prints where it is and, the first time only, an admin token that works; started again it finds its data', async () => {
    const first = start();
    const banner = await first.banner();
    const { accessToken, organizationId, identityId } = readBootstrap();
    for (const part of ['/api/docs', accessToken, organizationId, identityId]) expect(banner).toContain(part);
    expect(fs.statSync(bootstrapFile()).mode & 0o777).toBe(0o600);
    expect(await details(await first.url())).toBe(200);
    expect((await first.signal('SIGTERM')).code).toBe(0);

    const second = start();
    expect(await second.banner()).not.toContain(accessToken);
    expect(readBootstrap()).toEqual({ accessToken, organizationId, identityId });
    expect(await details(await second.url())).toBe(200);
  });

  // What the compiler emits of decorated signatures is not what these tests run with, and bodies are validated by it.
  it('takes bodies as built: a program is given a client secret and logs in, and a bad body is refused', async () => {
    const url = await start().url();
    const { accessToken, organizationId } = readBootstrap();
    const post = async (route: string, body: object) => {
      const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/api/v1/${route}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: answer.status, body: (await answer.json()) as Record<string, Record<string, string>> };
    };
    const made = await post('identities', { name: 'program', organizationId, role: 'no-access' });
    const identity = `auth/universal-auth/identities/${made.body.identity!.id}`;
    expect((await post(identity, { lockoutThreshold: 31 })).status).toBe(422);
    const attached = await post(identity, { lockoutThreshold: 5, unknown: true });
    expect(attached.body.identityUniversalAuth).toMatchObject({ lockoutThreshold: 5 });
    const { clientSecret } = (await post(`${identity}/client-secrets`, {})).body;
    const { clientId } = attached.body.identityUniversalAuth!;
    expect((await post('auth/universal-auth/login', { clientId })).status).toBe(422);
    const login = await post('auth/universal-auth/login', { clientId, clientSecret });
    expect(await details(url, login.body.accessToken as unknown as string)).toBe(200);
  });

  it('comes up with its data after it was killed without warning', async () => {
    const first = start();
    await first.banner();
    await first.signal('SIGKILL');

    expect(await details(await start().url())).toBe(200);
  });

  it('shares one data directory between processes that start at once', async () => {
    const urls = await Promise.all([start(), start(), start()].map((server) => server.url()));

    expect(new Set(urls).size).toBe(3);
    for (const url of urls) expect(await details(url)).toBe(200);
  });

  it('loses no use of a token when it is asked to stop', async () => {
    const server = start();
    const url = await server.url();
    const statuses = await Promise.all(Array.from({ length: 50 }, () => details(url)));
    // A busy machine may not have a connection for everybody in time: a 503 is no use.
    const uses = statuses.filter((status) => status !== 503).length;
    expect((await server.signal('SIGTERM')).code).toBe(0);

    expect(await usesOf(await start().url())).toBe(uses);
  });
});
