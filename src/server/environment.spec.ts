import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { logLevels, readEnvironment } from './environment';
import { StartError } from './start-error';

const SECRET = randomBytes(48).toString('base64');

function faultsOf(source: NodeJS.ProcessEnv): string {
  try {
    readEnvironment(source);
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    return (error as Error).message;
  }
}

describe('the environment', () => {
  it('has every default applied when nothing is set', () => {
    expect({ ...readEnvironment({}) }).toEqual({
      HOST: '127.0.0.1',
      PORT: 8080,
      LATCHKEY_DATA_DIR: '.latchkey',
      LATCHKEY_PREVIOUS_AUTH_SECRETS: [],
      LATCHKEY_TRUSTED_PROXIES: [],
      LATCHKEY_MAX_TOKEN_AGE: 7_776_000,
      LATCHKEY_REVOCATION_BOUND_MS: 1_000,
      LATCHKEY_CACHE_ENTRIES: 20_000,
      LATCHKEY_POOL_SIZE: 10,
      LATCHKEY_USAGE_FLUSH_INTERVAL_MS: 1_000,
      LATCHKEY_SHUTDOWN_TIMEOUT_MS: 10_000,
      LATCHKEY_BOOTSTRAP_ENDPOINT: 'true',
      LATCHKEY_LOG_LEVEL: 'log',
    });
  });

  it('takes a variable that is set but empty for one not set', () => {
    const empty = Object.fromEntries(
      [
        'HOST',
        'PORT',
        'DATABASE_URL',
        'LATCHKEY_DATA_DIR',
        'LATCHKEY_AUTH_SECRET',
        'LATCHKEY_PREVIOUS_AUTH_SECRETS',
        'LATCHKEY_TRUSTED_PROXIES',
        'LATCHKEY_MAX_TOKEN_AGE',
        'LATCHKEY_REVOCATION_BOUND_MS',
        'LATCHKEY_PUSH_URL',
        'LATCHKEY_CACHE_ENTRIES',
        'LATCHKEY_POOL_SIZE',
        'LATCHKEY_USAGE_FLUSH_INTERVAL_MS',
        'LATCHKEY_SHUTDOWN_TIMEOUT_MS',
        'LATCHKEY_BOOTSTRAP_ENDPOINT',
        'LATCHKEY_LOG_LEVEL',
        'LATCHKEY_PG_USER',
      ].map((name) => [name, '']),
    );
    expect(readEnvironment(empty)).toEqual(readEnvironment({}));
  });

  it('reads numbers and lists', () => {
    const { PORT, LATCHKEY_MAX_TOKEN_AGE, LATCHKEY_TRUSTED_PROXIES, LATCHKEY_PREVIOUS_AUTH_SECRETS } = readEnvironment({
      PORT: '0',
      LATCHKEY_MAX_TOKEN_AGE: '0',
      LATCHKEY_TRUSTED_PROXIES: ' 10.0.0.0/8, 2001:db8::/32 ,',
      LATCHKEY_PREVIOUS_AUTH_SECRETS: `${SECRET},${SECRET}`,
    });
    expect({ PORT, LATCHKEY_MAX_TOKEN_AGE, LATCHKEY_TRUSTED_PROXIES, LATCHKEY_PREVIOUS_AUTH_SECRETS }).toEqual({
      PORT: 0,
      LATCHKEY_MAX_TOKEN_AGE: 0,
      LATCHKEY_TRUSTED_PROXIES: ['10.0.0.0/8', '2001:db8::/32'],
      LATCHKEY_PREVIOUS_AUTH_SECRETS: [SECRET, SECRET],
    });
  });

  it('names every variable at fault at once, and never a value', () => {
    const message = faultsOf({
      PORT: 'hunter2',
      DATABASE_URL: 'mysql://root:hunter2@host/db',
      LATCHKEY_MAX_TOKEN_AGE: '-4711',
      LATCHKEY_BOOTSTRAP_ENDPOINT: 'hunter2',
      LATCHKEY_LOG_LEVEL: 'hunter2',
      LATCHKEY_AUTH_SECRET: 'hunter2',
      LATCHKEY_PREVIOUS_AUTH_SECRETS: 'hunter2',
      LATCHKEY_TRUSTED_PROXIES: '10.47.11.0/33',
    });
    for (const name of [
      'PORT',
      'DATABASE_URL',
      'LATCHKEY_MAX_TOKEN_AGE',
      'LATCHKEY_BOOTSTRAP_ENDPOINT',
      'LATCHKEY_LOG_LEVEL',
      'LATCHKEY_AUTH_SECRET',
      'LATCHKEY_PREVIOUS_AUTH_SECRETS',
      'LATCHKEY_TRUSTED_PROXIES',
    ]) {
      expect(message).toContain(name);
    }
    expect(message).not.toMatch(/hunter2|4711|10\.47/);
  });

  it.each(['-1', '1.5', '1e3', 'ninety days', '3153600001', '9'.repeat(30)])(
    'refuses LATCHKEY_MAX_TOKEN_AGE=%j by the name it was set under',
    (LATCHKEY_MAX_TOKEN_AGE) => {
      expect(faultsOf({ LATCHKEY_MAX_TOKEN_AGE })).toMatch(/LATCHKEY_MAX_TOKEN_AGE must/);
    },
  );

  it.each([
    ['LATCHKEY_REVOCATION_BOUND_MS', '99', '60001'],
    ['LATCHKEY_CACHE_ENTRIES', '0', '10000001'],
    ['LATCHKEY_POOL_SIZE', '0', '1001'],
    ['LATCHKEY_USAGE_FLUSH_INTERVAL_MS', '9', '60001'],
  ] as const)('takes %s from its range and nothing beside it', (name, tooSmall, tooBig) => {
    for (const value of [tooSmall, tooBig, '1.5', 'many']) expect(faultsOf({ [name]: value })).toContain(name);
    expect(readEnvironment({ [name]: '100' })[name]).toBe(100);
  });

  it('takes a url to listen at, or off for not listening', () => {
    for (const LATCHKEY_PUSH_URL of ['postgres://direct:5432/latchkey', 'off']) {
      expect(readEnvironment({ LATCHKEY_PUSH_URL }).LATCHKEY_PUSH_URL).toBe(LATCHKEY_PUSH_URL);
    }
    for (const LATCHKEY_PUSH_URL of ['false', 'office', 'http://hunter2@host']) {
      expect(faultsOf({ LATCHKEY_PUSH_URL })).toMatch(/LATCHKEY_PUSH_URL must/);
      expect(faultsOf({ LATCHKEY_PUSH_URL })).not.toContain('hunter2');
    }
  });

  it.each(['short', 'x'.repeat(64), 'change-me-change-me-please-0123456789'])(
    'refuses the secret %j by the name it was set under',
    (LATCHKEY_AUTH_SECRET) => {
      expect(faultsOf({ LATCHKEY_AUTH_SECRET })).toMatch(/LATCHKEY_AUTH_SECRET must/);
    },
  );

  it.each(['abc', '-1', '65536', '80.5', '1e3', '0x50', ' 80', '80 ', '٨٠', 'Infinity'])('refuses PORT=%j', (PORT) => {
    expect(faultsOf({ PORT })).toMatch(/PORT must/);
  });

  it('asks for a secret of your own with a database of your own', () => {
    const DATABASE_URL = 'postgres://latchkey:hunter2@db/latchkey';
    expect(faultsOf({ DATABASE_URL })).toMatch(/LATCHKEY_AUTH_SECRET must be set with DATABASE_URL/);
    expect(faultsOf({ DATABASE_URL })).not.toContain('hunter2');
    expect(faultsOf({ DATABASE_URL, LATCHKEY_AUTH_SECRET: '' })).toMatch(/LATCHKEY_AUTH_SECRET/);
    expect(faultsOf({ DATABASE_URL, LATCHKEY_AUTH_SECRET: SECRET })).toBe('');
  });

  it('takes postgresql:// for what it is', () => {
    expect(readEnvironment({ DATABASE_URL: 'postgresql://h/d', LATCHKEY_AUTH_SECRET: SECRET }).DATABASE_URL).toBe(
      'postgresql://h/d',
    );
  });

  it('logs the level asked for and everything graver', () => {
    expect(logLevels(readEnvironment({ LATCHKEY_LOG_LEVEL: 'error' }))).toEqual(['error']);
    expect(logLevels(readEnvironment({}))).toEqual(['error', 'warn', 'log']);
    expect(logLevels(readEnvironment({ LATCHKEY_LOG_LEVEL: 'verbose' }))).toHaveLength(5);
  });

  it('is what the README says it is: every variable, and every default', () => {
    const readme = readFileSync(path.join(__dirname, '../../README.md'), 'utf8');
    const rows = [...readme.matchAll(/^\| `([A-Z_]+)` +\| ([^|]+?) +\|/gm)];
    const said = Object.fromEntries(rows.map(([, name, value]) => [name, value]));
    const environment = Object.entries(readEnvironment({}));
    expect(Object.keys(said).sort()).toEqual(environment.map(([name]) => name).sort());
    for (const [name, value] of environment.filter(([, set]) => set !== undefined)) {
      expect([name, said[name]]).toEqual([name, Array.isArray(value) ? 'none' : `\`${value}\``]);
    }
  });
});
