import * as fs from 'node:fs';
import * as path from 'node:path';
import { administrate } from './support/administrate';
import { details, directory, SECRET, start, useStandAloneServers } from './support/stand-alone-server';
import { onDatabase } from './support/urls';

jest.setTimeout(60_000);

describe('the stand-alone server', () => {
  let dir: string;
  useStandAloneServers();
  beforeEach(() => {
    dir = directory();
  });

  describe('on a database of the operator', () => {
    const name = `latchkey_server_${process.env.JEST_WORKER_ID}`;
    const url = onDatabase(process.env.LATCHKEY_TEST_SERVER!, name);

    beforeEach(() => administrate(`CREATE DATABASE ${name}`));
    afterEach(() => administrate(`DROP DATABASE ${name} WITH (FORCE)`));

    it('migrates, sets nothing up by itself, and leaves no data directory', async () => {
      const server = start({ DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET });

      expect(await server.banner()).not.toContain('Token');
      expect(fs.existsSync(path.join(dir, 'data'))).toBe(false);
      const response = await fetch(`${await server.url()}/api/v1/admin/bootstrap`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'root@acme.test', password: 'p', organization: 'Acme' }),
      });
      expect(response.status).toBe(200);
      await server.signal('SIGTERM');
    });

    it('is set up by the bootstrap command, once', async () => {
      const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
      const first = await start(env, ['bootstrap']).ended;
      const second = await start(env, ['bootstrap']).ended;

      const token = /Token\s+(\S+)/.exec(first.stdout)?.[1];
      expect(second.stdout).toBe('This installation has been set up before.\n');
      const server = start(env);
      expect(await details(await server.url(), token)).toBe(200);
      await server.signal('SIGTERM');
    });

    it.each([
      ['has no room', 'exec >/dev/full', /\(ENOSPC\)/],
      ['is closed', 'exec >&-', /leads nowhere/],
    ])(
      'is not set up by the command where standard output %s, and is where it can be read',
      async (_what, prelude, reason) => {
        const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
        const { code, stderr } = await start(env, ['bootstrap'], prelude).ended;
        expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
        expect(stderr).toMatch(/The database was not set up\.\n$/);
        const again = await start(env, ['bootstrap']).ended;
        expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/Token\s+\S+/)]);
      },
    );

    it.each(['2026-02-30T00:00:00Z', '2023-02-29T12:00:00.5+02:00', '2026-01-01T24:00:00Z'])(
      'takes %s, which no calendar has, for no other time',
      async (time) => {
        const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
        const { code, stderr } = await start(env, ['refuse-issued-before', time]).ended;
        expect([code, stderr]).toEqual([2, `There is no time ${time}. See latchkey refuse-issued-before --help.\n`]);
      },
    );

    it('refuses what was issued before a time by the command, on a server that runs, and says how it is asked', async () => {
      const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
      const token = /Token\s+(\S+)/.exec((await start(env, ['bootstrap']).ended).stdout)?.[1];
      const server = start(env);
      expect(await details(await server.url(), token)).toBe(200);
      for (const words of [
        [],
        ['yesterday'],
        ['2026-01-01'],
        ['2026-01-01T00:00:00Z', 'x'],
        ['2026-01-01T00:00:00Z', '-x'],
      ]) {
        const { code, stderr } = await start(env, ['refuse-issued-before', ...words]).ended;
        expect({ code, stderr }).toEqual({
          code: 2,
          stderr: expect.stringMatching(/ See latchkey refuse-issued-before --help\.\n$/),
        });
      }
      const now = new Date().toISOString();
      const { code, stdout } = await start(env, ['refuse-issued-before', now]).ended;
      expect({ code, stdout }).toEqual({ code: 0, stdout: `Tokens issued before ${now} are refused.\n` });
      expect(await details(await server.url(), token)).toBe(401);
      await server.signal('SIGTERM');
    });
  });
});
