import { readdirSync, readFileSync } from 'node:fs';
import { createServer, request as requestTo, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Browser, type BrowserContext, chromium, type CDPSession, type Page } from 'playwright-core';
import { ServerProcess } from '../support/server-process';

jest.setTimeout(120_000);

const UI = path.join(__dirname, '../../src/console/ui');
const AXE = path.join(__dirname, 'node_modules/axe-core/axe.min.js');
const SECRET = 'Zk3q8vN1xR5tY7uB2mC4wE6hJ9pL0sD-aFgQiOzX';
const MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

type Json = Record<string, unknown>;

let browser: Browser;
const servers: ServerProcess[] = [];
let url: string;
let admin: string;
let organizationId: string;
const faults: string[] = [];

async function call<Body = Json>(method: string, route: string, body?: object, token = admin): Promise<Body> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}${route}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, ...((await answer.json()) as object) } as Body;
}

interface Made {
  readonly id: string;
  readonly token: string;
  readonly tokenId: string;
}

/** An identity with a token, made through the API. */
async function program(name: string): Promise<Made> {
  const { identity } = await call<{ identity: { id: string } }>('POST', '/api/v1/identities', {
    name,
    organizationId,
    role: 'no-access',
  });
  const route = `/api/v1/auth/token-auth/identities/${identity.id}`;
  await call('POST', route, { accessTokenTTL: 432_000, accessTokenMaxTTL: 864_000 });
  const made = await call<{ accessToken: string; tokenData: { id: string } }>('POST', `${route}/tokens`, {
    name: `${name} key`,
  });
  return { id: identity.id, token: made.accessToken, tokenId: made.tokenData.id };
}

/** A window of its own, which notes everything that a person who looks at the console must never see. */
async function open(
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext(options);
  context.on('page', watch);
  const page = await context.newPage();
  return { context, page };
}

function watch(page: Page): void {
  page.on('console', (message) => faults.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${String(error)}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) faults.push(`request elsewhere: ${request.url()}`);
  });
}

async function signIn(page: Page, to = '', token = admin): Promise<void> {
  await page.goto(`${url}/console${to}`);
  await page.getByLabel('Access token', { exact: true }).fill(token);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.locator('#main h1').waitFor();
}

const atHeading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

/** Everything that outlives the page or is seen beside it. */
async function traces(page: Page): Promise<string> {
  return page.evaluate(async () =>
    JSON.stringify([
      location.href,
      document.title,
      document.cookie,
      document.referrer,
      { ...localStorage },
      history.state,
      document.documentElement.outerHTML,
      [...document.querySelectorAll('input')].map(({ value }) => value),
      (await indexedDB.databases?.()) ?? [],
    ]),
  );
}

async function heapHas(session: CDPSession, text: string): Promise<boolean> {
  let tail = '';
  let isFound = false;
  const look = ({ chunk }: { chunk: string }) => {
    isFound ||= (tail + chunk).includes(text);
    tail = chunk.slice(-text.length);
  };
  session.on('HeapProfiler.addHeapSnapshotChunk', look);
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  session.off('HeapProfiler.addHeapSnapshotChunk', look);
  return isFound;
}

interface Axe {
  run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
}

/** All rules of WCAG 2.0 to 2.2, A and AA; in the dark theme those about colours, because nothing else differs. */
async function violationsOf(page: Page, colorScheme: 'light' | 'dark'): Promise<string[]> {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const options = colorScheme === 'light' ? { runOnly: tags } : { runOnly: ['color-contrast'] };
  return page.evaluate(async (rules) => {
    const { violations } = await (window as unknown as { axe: Axe }).axe.run(rules);
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
  }, options);
}

/** A proxy that serves the console below `/latchkey`, and a page of another application. */
async function sharedOrigin(): Promise<Server> {
  const proxy = createServer((incoming, answer) => {
    if (!incoming.url!.startsWith('/latchkey/')) {
      answer.setHeader('content-type', 'text/html').end('<title>Another application</title>');
      return;
    }
    const target = new URL(incoming.url!.slice('/latchkey'.length), url);
    const { method = 'GET', headers } = incoming;
    const passed = requestTo(target, { method, headers: { ...headers, host: target.host } }, (given) => {
      answer.writeHead(given.statusCode!, given.headers);
      given.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy;
}

/** What the tabs of the console answer to a page of their origin that asks for the session. */
async function answerTo(page: Page): Promise<string | null> {
  return page.evaluate(async () => {
    const channel = new BroadcastChannel('latchkey');
    const answered = new Promise<string | null>((resolve) => {
      channel.onmessage = ({ data }) => resolve(JSON.stringify(data));
      setTimeout(() => resolve(null), 1_000);
    });
    channel.postMessage({ type: 'asks', from: 'x' });
    return answered.finally(() => channel.close());
  });
}

const signatureOf = (token: string) => token.split('.')[2]!;

beforeAll(async () => {
  const env = { DATABASE_URL: process.env.LATCHKEY_TEST_DATABASE!, LATCHKEY_AUTH_SECRET: SECRET };
  servers.push(new ServerProcess(env));
  [browser, url] = await Promise.all([
    chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    }),
    servers[0]!.url(),
  ]);
  const answer = await fetch(`${url}/api/v1/admin/bootstrap`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'a@b.example', password: 'a long password', organization: 'Acme' }),
  });
  const body = (await answer.json()) as {
    organization: { id: string };
    identity: { credentials: { token: string } };
  };
  admin = body.identity.credentials.token;
  organizationId = body.organization.id;
});

afterAll(async () => {
  await browser?.close();
  await Promise.all(servers.map((server) => server.signal('SIGTERM')));
});

beforeEach(() => faults.splice(0));
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  expect(faults).toEqual([]);
});

describe('the files of the console', () => {
  it('come with every header, and only those that were built are there', async () => {
    const page = await fetch(`${url}/console/identities/x/methods`);
    const policy = page.headers.get('content-security-policy')!;
    const nonce = /'nonce-([\w+/=]{24})'/.exec(policy)![1]!;
    expect(policy.replace(nonce, 'N')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-N'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    const html = await page.text();
    expect(html).toContain(nonce);
    expect(html).not.toContain('__LATCHKEY');
    expect(page.headers.get('cache-control')).toBe('no-store');
    const again = await fetch(`${url}/console`);
    expect(again.headers.get('content-security-policy')).not.toContain(nonce);

    const script = /src="([^"]+\.js)"/.exec(await again.text())![1]!;
    const file = await fetch(new URL(script, `${url}/console`));
    expect(file.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    for (const answer of [page, again, file]) {
      expect(answer.headers.get('x-frame-options')).toBe('DENY');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
      expect(answer.headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(answer.headers.get('permissions-policy')).toContain('camera=()');
    }

    const absent = [
      '/console/assets/x.js',
      '/console/..%2fmain.js',
      '/console/a/b/c/d/e',
      '/console/index.html',
      '/consol',
    ];
    for (const route of absent) {
      const answer = await fetch(`${url}${route}`);
      expect([route, answer.status]).toEqual([route, 404]);
      expect(((await answer.json()) as Json).statusCode).toBe(404);
    }
    expect((await fetch(url, { headers: { accept: 'text/html' }, redirect: 'manual' })).headers.get('location')).toBe(
      'console',
    );
    expect((await fetch(url)).status).toBe(404);
  });

  it('stay within their budget: 130 KB to sign in, 250 KB in all', () => {
    const sizes = (readdirSync(UI, { recursive: true }) as string[])
      .filter((name) => name.endsWith('.js'))
      .map((name) => [name, gzipSync(readFileSync(path.join(UI, name)), { level: 9 }).length] as const);
    const all = sizes.reduce((sum, [, size]) => sum + size, 0);
    const html = readFileSync(path.join(UI, 'index.html'), 'utf8');
    const first = sizes.filter(([name]) => html.includes(name)).reduce((sum, [, size]) => sum + size, 0);
    expect(first).toBeGreaterThan(20_000);
    expect(first).toBeLessThan(130_000);
    expect(all).toBeLessThan(250_000);
  });
});

describe('the session', () => {
  it('leaves the token in no address, history, storage, cookie, title or page; a reload keeps it, a tab is handed it, and signing out ends all', async () => {
    const { context, page } = await open();
    const addresses: string[] = [];
    page.on('request', (request) => addresses.push(request.url(), request.headers().referer ?? ''));
    await signIn(page);
    await page.getByRole('link', { name: 'Tokens', exact: true }).click();
    await atHeading(page, 'Tokens');
    await page.reload();
    await atHeading(page, 'Tokens');
    expect(await traces(page)).not.toContain(signatureOf(admin));
    expect(addresses.join('\n')).not.toContain(signatureOf(admin));
    expect(await page.evaluate(() => Object.keys(sessionStorage))).toEqual(
      expect.arrayContaining(['latchkey:session']),
    );

    const other = await context.newPage();
    await other.goto(`${url}/console/nodes`);
    await atHeading(other, 'Nodes');
    expect(await answerTo(other)).toContain(signatureOf(admin));
    const stranger = await (await browser.newContext()).newPage();
    await stranger.goto(`${url}/console/nodes`);
    await stranger.getByLabel('Access token', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    for (const tab of [page, other]) {
      await tab.getByLabel('Access token', { exact: true }).waitFor();
      expect(await tab.evaluate(() => sessionStorage.getItem('latchkey:session'))).toBeNull();
    }
  });

  it('below a prefix that a proxy removes is in the memory of its tab alone: no page of the origin is handed or can read the token', async () => {
    const proxy = await sharedOrigin();
    try {
      const origin = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${origin}/latchkey/console/nodes`);
      await page.getByLabel('Access token', { exact: true }).fill(admin);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await atHeading(page, 'Nodes');
      const other = await context.newPage();
      await other.goto(`${origin}/other`);
      expect(await answerTo(other)).toBeNull();
      await page.goto(`${origin}/other`);
      expect(await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]))).not.toContain(
        signatureOf(admin),
      );
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('stays while one of its tabs is used, and ends in all after half an hour without input', async () => {
    const { context, page } = await open();
    await context.clock.install();
    await signIn(page, '/settings');
    const idle = await context.newPage();
    await idle.goto(`${url}/console/settings`);
    await atHeading(idle, 'Settings');
    const touchedAt = () =>
      idle.evaluate(() => (JSON.parse(sessionStorage.getItem('latchkey:session')!) as { touchedAt: number }).touchedAt);
    const before = await touchedAt();
    // The first look after a jump counts as waking up.
    const pass = async (time: string) => {
      await context.clock.fastForward(time);
      await context.clock.fastForward('00:20');
    };
    await pass('29:00');
    await page.keyboard.press('Shift');
    while ((await touchedAt()) === before);
    await pass('20:00');
    await atHeading(idle, 'Settings');
    await pass('11:00');
    for (const tab of [page, idle]) await tab.getByLabel('Access token', { exact: true }).waitFor();
  });

  it('of a client id and secret is revoked at sign-out, and at its end, which no reload puts off; wrong ones get the words of the server', async () => {
    const { identity } = await call<{ identity: { id: string } }>('POST', '/api/v1/identities', {
      name: 'person',
      organizationId,
      role: 'admin',
    });
    const route = `/api/v1/auth/universal-auth/identities/${identity.id}`;
    const { identityUniversalAuth } = await call<{ identityUniversalAuth: { clientId: string } }>('POST', route, {});
    const { clientSecret } = await call<{ clientSecret: string }>('POST', `${route}/client-secrets`, {});
    const { page } = await open();
    await page.goto(`${url}/console`);
    await page.getByRole('button', { name: 'Client id and secret' }).click();
    const enter = async (secret: string) => {
      await page.getByLabel('Client id', { exact: true }).fill(identityUniversalAuth.clientId);
      await page.getByLabel('Client secret').fill(secret);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    };
    await enter('wrong');
    await page.getByRole('alert').getByText('Invalid credentials').waitFor();
    // The browser itself writes of a 401.
    expect(faults.splice(0)).toHaveLength(1);
    expect(await page.getByLabel('Client secret').inputValue()).toBe('');
    await enter(clientSecret);
    await atHeading(page, 'Overview');
    const { token } = JSON.parse((await page.evaluate(() => sessionStorage.getItem('latchkey:session')))!) as {
      token: string;
    };
    expect(await traces(page)).not.toContain(clientSecret);
    const revoked = page.waitForResponse((response) => response.url().endsWith('/auth/token/revoke'));
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect((await revoked).status()).toBe(200);
    expect((await call('GET', '/api/v1/identities/details', undefined, token)).status).toBe(401);

    await page.getByRole('button', { name: 'Client id and secret' }).click();
    await enter(clientSecret);
    await atHeading(page, 'Overview');
    await page.evaluate(() => {
      const kept = JSON.parse(sessionStorage.getItem('latchkey:session')!) as { since: number };
      sessionStorage.setItem('latchkey:session', JSON.stringify({ ...kept, since: kept.since - 13 * 3_600_000 }));
    });
    const ended = page.waitForResponse((response) => response.url().endsWith('/auth/token/revoke'));
    await page.reload();
    expect((await ended).status()).toBe(200);
    await page.getByRole('button', { name: 'Client id and secret' }).waitFor();
  });

  it.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/../../evil',
    '/%2e%2e/evil',
    'javascript:alert(1)',
  ])('a link to sign in leads nowhere but into the console: %s', async (to) => {
    const { page } = await open();
    await signIn(page, `/sign-in?to=${encodeURIComponent(to)}`);
    await atHeading(page, 'Overview');
    expect(new URL(page.url()).pathname).toMatch(/^\/console\/?$/);
  });

  it('comes back to the page that was asked for, and asks again over the page when its token ends', async () => {
    const { id, token } = await program('short-lived');
    await call('PATCH', `/api/v1/identities/${id}`, { role: 'member' });
    const { page } = await open();
    await signIn(page, '/identities?q=short&sort=-name', token);
    await atHeading(page, 'Identities');
    expect(new URL(page.url()).search).toBe('?q=short&sort=-name');
    await page.getByRole('link', { name: 'short-lived' }).waitFor();

    await call('POST', '/api/v1/auth/token/revoke', { accessToken: token });
    await page.getByRole('searchbox').fill('shor');
    const dialog = page.getByRole('dialog', { name: 'Sign in again' });
    await dialog.getByLabel('Access token', { exact: true }).fill(admin);
    faults.splice(0);
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
    await atHeading(page, 'Overview');
  });
});

describe('a secret', () => {
  it('is shown once: Escape, Back and a click elsewhere keep it; afterwards neither the page nor the heap has it', async () => {
    const { page, context } = await open();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await signIn(page, '/identities');
    await page.getByRole('button', { name: 'New identity' }).first().click();
    await page.getByRole('dialog').getByLabel('Name').fill('ci');
    await page.getByRole('dialog').getByRole('button', { name: 'Create identity' }).click();
    await atHeading(page, 'ci');
    await page.getByRole('link', { name: 'New token' }).click();
    await page.getByLabel('Name').fill('runner');
    const answered = page.waitForResponse((response) => response.url().endsWith('/tokens'));
    await page.getByRole('button', { name: 'Create token' }).click();
    const { accessToken } = (await (await answered).json()) as { accessToken: string };
    const secret = signatureOf(accessToken);
    const field = page.getByLabel('The token', { exact: true });
    expect(await field.inputValue()).toBe(accessToken);
    expect(await field.evaluate((input) => getComputedStyle(input).getPropertyValue('-webkit-text-security'))).toBe(
      'disc',
    );

    await page.keyboard.press('Escape');
    await page.mouse.click(5, 400);
    await page.evaluate(() => history.back());
    await page.getByRole('link', { name: 'Nodes' }).click();
    expect(await field.inputValue()).toBe(accessToken);
    // What a person copies from is in the field alone: the examples name a variable.
    expect(await page.locator('main').innerText()).not.toContain(secret);

    await page.getByRole('button', { name: 'Copy token' }).click();
    await page.getByText('Copied.').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(accessToken);
    const heap = await context.newCDPSession(page);
    await heap.send('HeapProfiler.enable');
    expect(await heapHas(heap, secret)).toBe(true);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('link', { name: 'runner' }).waitFor();
    expect(await traces(page)).not.toContain(secret);
    await page.getByRole('link', { name: 'Settings' }).click();
    await atHeading(page, 'Settings');
    expect(await heapHas(heap, secret)).toBe(false);
    expect(await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]))).not.toContain(
      secret,
    );
  });
});

describe('a token', () => {
  it('is revoked with a receipt that names every node, and renamed and rotated with a grace', async () => {
    servers.push(
      new ServerProcess({ DATABASE_URL: process.env.LATCHKEY_TEST_DATABASE!, LATCHKEY_AUTH_SECRET: SECRET }),
    );
    await servers[1]!.url();
    const { token, tokenId } = await program('deployer');
    const { page } = await open();
    await signIn(page, `/tokens/${tokenId}`);
    await atHeading(page, 'deployer key');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('alertdialog').getByLabel('Name').fill('renamed');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Rename' }).click();
    await atHeading(page, 'renamed');

    await page.getByRole('button', { name: 'Rotate…' }).click();
    await page.getByRole('button', { name: 'Rotate renamed' }).click();
    const rotated = await page.getByLabel('The new token', { exact: true }).inputValue();
    await page.getByLabel('I have stored it').check();
    await page.getByRole('button', { name: 'Done' }).click();
    expect((await call('GET', '/api/v1/identities/details', undefined, token)).status).toBe(200);
    expect((await call('GET', '/api/v1/identities/details', undefined, rotated)).status).toBe(200);

    const rotatedId = (JSON.parse(Buffer.from(rotated.split('.')[1]!, 'base64url').toString()) as { jti: string }).jti;
    await page.goto(`${url}/console/tokens/${rotatedId}`);
    await page.getByRole('button', { name: 'Revoke…' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Revoke renamed of deployer?' });
    await dialog.waitFor();
    expect(
      await dialog.getByRole('button', { name: 'Cancel' }).evaluate((button) => button === document.activeElement),
    ).toBe(true);
    await dialog.getByRole('button', { name: 'Revoke renamed' }).click();
    const receipt = page.getByRole('status').filter({ hasText: 'renamed revoked.' });
    await receipt.waitFor();
    for (const { pid } of servers) expect(await receipt.innerText()).toContain(`:${pid}`);
    expect((await call('GET', '/api/v1/identities/details', undefined, rotated)).status).toBe(401);
    await page.getByText('Revoked', { exact: true }).first().waitFor();
  });

  it('is found among those that no program uses, and revoked with all that match, once their number is typed', async () => {
    const { id } = await program('idle');
    const route = `/api/v1/auth/token-auth/identities/${id}/tokens`;
    for (let made = 0; made < 11; made += 1) await call('POST', route, { name: `idle-bulk-${made}` });
    const { page } = await open();
    await signIn(page, '/tokens?q=idle-bulk');
    await page.getByRole('button', { name: 'Revoke all that match…' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Revoke 11 tokens' });
    await dialog.getByText('11 were never used.').waitFor();
    const go = dialog.getByRole('button', { name: 'Revoke 11 tokens' });
    expect(await go.getAttribute('aria-disabled')).toBe('true');
    await dialog.getByLabel('Type 11').fill('11');
    await go.click();
    await dialog.getByText('11 tokens revoked.').waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByText('No token matches.').waitFor();
    const left = await call<{ accessTokens: { name: string }[] }>(
      'GET',
      `/api/latchkey/v1/access-tokens?identityId=${id}&status=live`,
    );
    expect(left.accessTokens.map(({ name }) => name)).toEqual(['idle key']);
  });
});

describe('many tokens', () => {
  it('get a receipt that claims nothing of nodes that were not asked', async () => {
    const { id } = await program('unasked');
    const route = `/api/v1/auth/token-auth/identities/${id}/tokens`;
    for (const name of ['unasked-1', 'unasked-2']) await call('POST', route, { name });
    const { page } = await open();
    await signIn(page, '/tokens?q=unasked-');
    await page.getByRole('button', { name: 'Revoke all that match…' }).click();
    const { accessTokens } = await call<{ accessTokens: { id: string }[] }>(
      'GET',
      '/api/latchkey/v1/access-tokens?search=unasked-',
    );
    const dialog = page.getByRole('alertdialog', { name: 'Revoke 2 tokens' });
    await dialog.waitFor();
    await call('POST', `/api/latchkey/v1/access-tokens/${accessTokens[1]!.id}/revoke`, {});
    await dialog.getByRole('button', { name: 'Revoke 2 tokens' }).click();
    const receipt = dialog.getByRole('status').filter({ hasText: '1 token revoked.' });
    await receipt.waitFor();
    expect(await receipt.innerText()).toContain('was not asked');
    // The browser itself writes of the 404 of the token that was dead before.
    expect(faults.splice(0)).toHaveLength(1);
  });

  it('are not searched for by a text that may be a secret', async () => {
    const { page } = await open();
    const sent: string[] = [];
    page.on('request', (request) => sent.push(request.url() + (request.postData() ?? '')));
    await signIn(page, '/tokens');
    const secret = `lk_${'a1B2'.repeat(9)}`;
    for (const text of [secret, `Bearer ${secret}`, 'eyJhbGciOi.eyJqdGki.c2ln']) {
      await page.getByRole('searchbox').fill(text);
      await page.getByText('This may be a token or a key').waitFor();
    }
    await page.getByRole('searchbox').fill('no-secret');
    await page.waitForURL(/[?]q=no-secret$/);
    expect(sent.join('\n')).not.toMatch(/a1B2|eyJqdGki/);
  });
});

describe('every page', () => {
  let made: Made;
  let pages: string[];
  beforeAll(async () => {
    made = await program(MARKUP);
    await call('POST', `/api/v1/auth/universal-auth/identities/${made.id}`, {});
    await call('POST', `/api/v1/auth/universal-auth/identities/${made.id}/client-secrets`, { description: MARKUP });
    const { reqId } = await call('GET', '/api/v1/identities', undefined, made.token);
    const identity = `/identities/${made.id}`;
    const tabs = [
      '',
      '/methods',
      '/methods/token-auth',
      '/methods/jwt-auth',
      '/secrets',
      '/edit',
      '/audit',
      '/tokens/new',
    ];
    const sections = ['/', '/identities', '/tokens', '/audit', '/organization', '/nodes', '/settings'];
    const things = [
      `/tokens/${made.tokenId}`,
      `/requests/${reqId as string}`,
      '/tokens?q=nothing-has-this-name',
      '/nowhere',
    ];
    pages = [...sections, ...tabs.map((tab) => identity + tab), ...things];
  });

  it('opens cold without a message, keeps to 320 pixels, renders no markup it was given, and has nothing axe objects to in both themes', async () => {
    const { context, page } = await open();
    await signIn(page);
    await context.addInitScript({ path: AXE });
    const found: string[] = [];
    for (const route of pages) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.goto(`${url}/console${route}`);
      await page.locator('#main h1').waitFor();
      await page.locator('#main .skeleton').waitFor({ state: 'detached' });
      // Whatever the page still asks for has been answered.
      await page.waitForLoadState('networkidle');
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        found.push(...(await violationsOf(page, colorScheme)).map((fault) => `${route} ${colorScheme} ${fault}`));
      }
      await page.setViewportSize({ width: 320, height: 640 });
      const { over, title, images } = await page.evaluate(() => ({
        over: document.documentElement.scrollWidth - innerWidth,
        title: document.title,
        images: document.querySelectorAll('#main img').length,
      }));
      if (over > 0 || images > 0 || ['1', '2'].includes(title)) found.push(`${route}: ${over} px, ${images}, ${title}`);
    }
    expect(found).toEqual([]);
    const sinks = await page.evaluate(() => {
      const refused: string[] = [];
      const note = (name: string, act: () => void) => {
        try {
          act();
        } catch (error) {
          refused.push(`${name}: ${(error as Error).name}`);
        }
      };
      note('innerHTML', () => (document.createElement('div').innerHTML = '<b>x</b>'));
      note('policy', () =>
        (
          window as unknown as { trustedTypes: { createPolicy: (name: string, rules: object) => void } }
        ).trustedTypes.createPolicy('x', {}),
      );
      return refused;
    });
    expect(sinks).toEqual(['innerHTML: TypeError', 'policy: TypeError']);
    // The browser reports both.
    faults.splice(0);
  });
});

describe('the palette', () => {
  it('leads by keyboard alone from an id in a log line to the token, and a pasted JWT is not sent', async () => {
    const { token, tokenId } = await program('in-a-log');
    const { page } = await open();
    const sent: string[] = [];
    page.on('request', (request) => sent.push(request.url() + (request.postData() ?? '')));
    await signIn(page);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'A page, a name, or an id' }).waitFor();
    await page.keyboard.insertText(tokenId);
    await page.getByRole('option', { name: 'Open the token' }).waitFor();
    await page.keyboard.press('Enter');
    await atHeading(page, 'in-a-log key');
    await page.keyboard.press('g');
    await page.keyboard.press('i');
    await atHeading(page, 'Identities');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'A page, a name, or an id' }).waitFor();
    await page.keyboard.insertText(token);
    await page.getByRole('option', { name: 'Open the token' }).waitFor();
    await page.keyboard.press('Enter');
    await atHeading(page, 'in-a-log key');
    expect(sent.join('\n')).not.toContain(signatureOf(token));
    expect(await traces(page)).not.toContain(signatureOf(token));
  });
});
