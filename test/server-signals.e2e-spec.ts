import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pollUntil } from '../src/embedded-postgres/polling';
import { MAIN, ServerProcess, serverProcess } from './support/server-process';
import { details, directory, start, usesOf, useStandAloneServers } from './support/stand-alone-server';

jest.setTimeout(60_000);

describe('the stand-alone server', () => {
  let dir: string;
  useStandAloneServers({ isUsed: true });
  beforeEach(() => {
    dir = directory();
  });

  // Another account has to become root there first; root would lose the right to lend PostgreSQL another account.
  const inNamespace = [...(process.geteuid?.() === 0 ? [] : ['-r']), '-p', '-f', '--mount-proc'];
  const canUnshare = spawnSync('unshare', [...inNamespace, 'true']).status === 0;
  // Seen red: it waited for two minutes, and advised to wait longer.
  (canUnshare ? it : it.skip)(
    'in a second container on the same volume says soon that the first one is there',
    async () => {
      await start().banner();
      const second = new ServerProcess(
        { LATCHKEY_DATA_DIR: path.join(dir, 'data') },
        [],
        `set -- unshare ${inNamespace.join(' ')} "$@"`,
      );
      const begun = performance.now();
      const { code, stderr } = await second.ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^The database in \S+ is in use by a Latchkey in another container, so stop that one/);
      expect(performance.now() - begun).toBeLessThan(30_000);
    },
  );

  // Seen red: npm ended, and the server was left.
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGKILL'] as const)(
    'run by npm, ends with it when that is ended by %s',
    async (name) => {
      const { PATH = '' } = process.env;
      const env = { PATH, PORT: '0', LATCHKEY_DATA_DIR: path.join(dir, 'data'), npm_config_ignore_scripts: 'true' };
      const npm = spawn('npm', ['start'], { env, cwd: path.join(MAIN, '../../..'), stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      npm.stdout.on('data', (chunk) => (output += String(chunk)));
      expect(await pollUntil(Date.now() + 40_000, () => /API\s+(\S+)/.exec(output)?.[1])).toBeDefined();
      npm.kill(name);
      const isGone = () => (serverProcess(path.join(dir, 'data/postgres')) === undefined ? true : undefined);
      expect(await pollUntil(Date.now() + 15_000, isGone)).toBe(true);
      expect(output).toContain('"event":"server.stopping"');
    },
  );

  const canRecord = spawnSync('script', ['--version']).status === 0;
  (canRecord ? it : it.skip)('in a terminal that is closed, ends in order', async () => {
    const { PATH = '' } = process.env;
    const log = path.join(dir, 'terminal');
    const env = {
      PATH,
      PORT: '0',
      LATCHKEY_DATA_DIR: path.join(dir, 'data'),
      LATCHKEY_USAGE_FLUSH_INTERVAL_MS: '60000',
    };
    const terminal = spawn('script', ['-qfc', `${process.execPath} ${MAIN}`, log], { env, stdio: 'ignore' });
    const said = () => (fs.existsSync(log) ? fs.readFileSync(log, 'utf8') : '');
    const url = await pollUntil(Date.now() + 40_000, () => /API\s+(http:\S+)\/api\s/.exec(said())?.[1]);
    expect(await details(url!)).toBe(200);
    terminal.kill('SIGKILL');
    const isGone = () => (serverProcess(path.join(dir, 'data/postgres')) === undefined ? true : undefined);
    expect(await pollUntil(Date.now() + 15_000, isGone)).toBe(true);
    expect(await usesOf(await start().url())).toBe(1);
  });
});
