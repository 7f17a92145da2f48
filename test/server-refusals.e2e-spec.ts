import * as fs from 'node:fs';
import { createServer, type Server } from 'node:net';
import * as path from 'node:path';
import { directory, SECRET, start, useStandAloneServers } from './support/stand-alone-server';

jest.setTimeout(60_000);

describe('the stand-alone server', () => {
  let dir: string;
  useStandAloneServers();
  beforeEach(() => {
    dir = directory();
  });

  it('refuses a port in use in one sentence that says what to do', async () => {
    const taken = await listening();
    const { port } = taken.address() as { port: number };

    const { code, output } = await start({ PORT: String(port) }).ended;
    taken.close();

    expect(code).toBe(1);
    expect(output).toBe(`Port ${port} is in use: stop what listens there, or set PORT to another.\n`);
    // The next start is the first: the token that is shown once has not been.
    expect(await start().banner()).toMatch(/Token {9}eyJ/);
  });

  it('refuses a HOST that is none in one sentence', async () => {
    const { code, output } = await start({ HOST: 'nowhere.invalid' }).ended;

    expect(code).toBe(1);
    expect(output).toMatch(/^HOST is a name that cannot be found \(\w+\): set it to an address of this machine\.\n$/);
  });

  it('leaves a data directory that was there the mode it had, and closes what it puts into it', async () => {
    const data = path.join(dir, 'shared');
    fs.mkdirSync(data);
    fs.chmodSync(data, 0o1777);
    // A first start, whatever an earlier release has left below /var/lib of this machine.
    fs.writeFileSync(path.join(data, 'database.json'), '{}');
    await start({ LATCHKEY_DATA_DIR: data }).banner();

    const modeOf = (file: string) => (fs.statSync(file).mode & 0o7777).toString(8);
    expect(modeOf(data)).toBe('1777');
    expect(modeOf(path.join(data, 'auth-secret'))).toBe('600');
    expect(modeOf(path.join(data, 'bootstrap.json'))).toBe('600');
    expect(modeOf(path.join(data, 'postgres'))).toMatch(/^7[01][01]$/);
  });

  it('refuses a data directory below one that makes none', async () => {
    const { code, output } = await start({ LATCHKEY_DATA_DIR: '/proc/latchkey/data' }).ended;

    expect(code).toBe(1);
    expect(output).toMatch(
      /^The data directory \/proc\/latchkey\/data cannot be written to \(\w+ at \/proc\/latchkey\): make it writable/,
    );
  });

  it('refuses a data directory it cannot make in one sentence that says what to do', async () => {
    fs.writeFileSync(path.join(dir, 'file'), '');
    const data = path.join(dir, 'file/data');

    const { code, stderr } = await start({ LATCHKEY_DATA_DIR: data }).ended;

    expect(code).toBe(1);
    expect(stderr).toBe(
      `The data directory ${data} cannot be written to (ENOTDIR): make it writable, or set LATCHKEY_DATA_DIR to another.\n`,
    );
  });

  it('names every setting at fault at once, and no value', async () => {
    const { code, stderr } = await start({
      PORT: 'no-port',
      LATCHKEY_MAX_TOKEN_AGE: '-5',
      LATCHKEY_LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://root:hunter2@localhost/x',
    }).ended;

    expect(code).toBe(1);
    for (const name of [
      'PORT',
      'LATCHKEY_MAX_TOKEN_AGE',
      'LATCHKEY_LOG_LEVEL',
      'DATABASE_URL',
      'LATCHKEY_AUTH_SECRET',
    ]) {
      expect(stderr).toContain(name);
    }
    expect(stderr).not.toMatch(/hunter2|no-port|loud|-5|\n {4}at /);
  });

  it.each([
    ['short', 'a'.repeat(31), 'at least 32 bytes'],
    ['made of few characters', 'ab'.repeat(30), 'must be random'],
    ['a placeholder', 'change-me-to-a-long-random-secret-please', 'must be random'],
  ])('refuses an auth secret that is %s, without quoting it', async (_, secret, reason) => {
    const { code, stderr } = await start({ LATCHKEY_AUTH_SECRET: secret }).ended;

    expect(code).toBe(1);
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain(secret);
  });

  it('says in one sentence that the database of DATABASE_URL does not answer', async () => {
    const env = { DATABASE_URL: 'postgres://latchkey:hunter2@127.0.0.1:1/latchkey', LATCHKEY_AUTH_SECRET: SECRET };

    const { code, stderr } = await start(env).ended;

    expect(code).toBe(1);
    expect(stderr).toBe(
      'The database of DATABASE_URL does not answer (ECONNREFUSED): check that it runs and can be reached.\n',
    );
  });

  it('refuses the bootstrap command without DATABASE_URL in one sentence, and makes nothing', async () => {
    const { code, stdout, stderr } = await start({}, ['bootstrap']).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'bootstrap needs DATABASE_URL: without it, Latchkey sets up its built-in database when it starts.\n',
    );
    expect(fs.readdirSync(dir)).toEqual([]);
  });
});

function listening(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}
