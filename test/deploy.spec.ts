import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { COMMANDS } from '../src/server/commands';
import { ENVIRONMENT } from '../src/server/environment-table';

const DEPLOY = path.join(__dirname, '../docs/deploy');
const files = (fs.readdirSync(DEPLOY, { recursive: true }) as string[]).filter((file) => /\.\w+$|Caddyfile/.test(file));
const read = (file: string) => fs.readFileSync(path.join(DEPLOY, file), 'utf8');

/** Runs the program that a file is for, where it is installed. @returns what it said against the file */
function faultOf(program: string, ...args: string[]): string {
  const { error, status, stderr, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return error === undefined && status !== 0 ? `${program}: ${stdout}${stderr}` : '';
}

describe('the deployment files', () => {
  it('name settings and commands that exist', () => {
    expect(files.length).toBeGreaterThan(7);
    const known = Object.keys(ENVIRONMENT);
    const named = files.flatMap((file) => read(file).match(/\b(LATCHKEY_[A-Z_]+|DATABASE_URL(_FILE)?)\b/g) ?? []);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known.includes(name.replace(/_FILE$/, '')))).toEqual([]);
    const commands = files.flatMap((file) => [...read(file).matchAll(/(?:main\.js|`latchkey) ([a-z-]+)/g)]);
    expect(commands.map(([, name]) => name)).toContain('check-config');
    expect(commands.filter(([, name]) => !COMMANDS.some((one) => one.name === name))).toEqual([]);
  });

  it('are listed on their page', () => {
    const page = read('README.md');
    expect(files.filter((file) => file !== 'README.md' && !page.includes(`(${file})`))).toEqual([]);
  });

  it('are read by the programs that they are for, where those are installed', () => {
    // Node may be elsewhere on this machine.
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-unit-'));
    const unit = path.join(folder, 'latchkey.service');
    fs.writeFileSync(unit, read('systemd/latchkey.service').replaceAll('/usr/bin/node', process.execPath));
    const said = faultOf('systemd-analyze', 'verify', unit);
    fs.rmSync(folder, { recursive: true });
    expect([
      // What it says about other units of the machine, or about the machine, is no matter here.
      said.includes('latchkey.service') ? said : '',
      faultOf('haproxy', '-c', '-f', path.join(DEPLOY, 'proxies/haproxy.cfg')),
      faultOf('caddy', 'validate', '--adapter', 'caddyfile', '--config', path.join(DEPLOY, 'proxies/Caddyfile')),
    ]).toEqual(['', '', '']);
  });
});
