import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { pollUntil } from '../../src/embedded-postgres/polling';
import { ServerProcess, serverProcess } from './server-process';

export const DETAILS = '/api/v1/identities/details';
export const SECRET = 'Zk3q8vN1xR5tY7uB2mC4wE6hJ9pL0sD-aFgQiOzX';

export interface BootstrapFile {
  organizationId: string;
  identityId: string;
  accessToken: string;
}

let dir: string;
const started: ServerProcess[] = [];

/** The directory of this test: its servers keep their data in `data` there. */
export const directory = (): string => dir;

/**
 * To be called once by a file: its tests get a directory each, and the servers they start are stopped after them.
 * `isUsed`: a server has been started and stopped there before, which spares tests of other things the first start.
 */
export function useStandAloneServers({ isUsed = false } = {}): void {
  let template: string | undefined;
  beforeAll(async () => {
    if (!isUsed) return;
    template = dir = makeDirectory();
    const server = start();
    await server.banner();
    await server.signal('SIGTERM');
  });
  afterAll(() => template !== undefined && fs.rmSync(template, { recursive: true, force: true }));

  beforeEach(() => {
    dir = makeDirectory();
    if (template !== undefined) execFileSync('cp', ['-a', path.join(template, 'data'), dir]);
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.signal('SIGTERM')));
    fs.rmSync(dir, { recursive: true, force: true });
  });
}

function makeDirectory(): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-server-'));
  fs.chmodSync(made, 0o755);
  return made;
}

export function start(env: Record<string, string> = {}, args: string[] = [], prelude?: string): ServerProcess {
  const server = new ServerProcess({ LATCHKEY_DATA_DIR: path.join(dir, 'data'), ...env }, args, prelude);
  started.push(server);
  return server;
}

export const bootstrapFile = () => path.join(dir, 'data/bootstrap.json');
export const readBootstrap = () => JSON.parse(fs.readFileSync(bootstrapFile(), 'utf8')) as BootstrapFile;

/** The status of a guarded route, with the token of the first start unless another is given. */
export const details = async (url: string, token = readBootstrap().accessToken) =>
  (await fetch(`${url}${DETAILS}`, { headers: { authorization: `Bearer ${token}` } })).status;

/** How often the token of the first start has been counted as used. */
export async function usesOf(url: string): Promise<number> {
  const { accessToken } = readBootstrap();
  const id = (JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti;
  const response = await fetch(`${url}/api/v1/auth/token-auth/tokens/${id}`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  return ((await response.json()) as { token: { accessTokenNumUses: number } }).token.accessTokenNumUses;
}

/** The server's own PostgreSQL. */
export const postgres = () => path.join(dir, 'data/postgres');
export const killPostgres = () => process.kill(serverProcess(postgres()) ?? 0, 'SIGKILL');

/** Asks until the answer has this status; every answer until then has one of the others. */
export async function untilStatus(url: string, wanted: number, others: number[]): Promise<Response> {
  const ask = () => fetch(`${url}${DETAILS}`, { headers: { authorization: `Bearer ${readBootstrap().accessToken}` } });
  const deadline = Date.now() + 30_000;
  for (;;) {
    const response = await ask();
    if (response.status === wanted || Date.now() > deadline) return response;
    expect(others).toContain(response.status);
  }
}

/** PostgreSQL is told to end with its last user, which waits for it only while it is plain that no other uses it. */
export async function untilPostgresEnds(): Promise<void> {
  const isGone = () => (serverProcess(postgres()) === undefined ? true : undefined);
  expect(await pollUntil(Date.now() + 10_000, isGone)).toBe(true);
}
