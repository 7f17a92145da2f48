import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { logLevels, readEnvironment, remarksOn } from './environment';
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
      LATCHKEY_AUDIT_RETENTION_DAYS: 365,
      LATCHKEY_OUTBOUND_ALLOW: [],
      LATCHKEY_OUTBOUND_TIMEOUT_MS: 10_000,
      LATCHKEY_KEY_SET_MAX_AGE_MS: 600_000,
      LATCHKEY_KEY_SET_COOLDOWN_MS: 30_000,
      LATCHKEY_AUTH_AWS_REPLAY: 'refuse',
      LATCHKEY_POOL_SIZE: 10,
      LATCHKEY_USAGE_FLUSH_INTERVAL_MS: 1_000,
      LATCHKEY_SHUTDOWN_TIMEOUT_MS: 10_000,
      LATCHKEY_CORS_ORIGINS: [],
      LATCHKEY_DRAIN_MS: 5_000,
      LATCHKEY_BOOTSTRAP_ENDPOINT: true,
      LATCHKEY_METRICS_HOST: '127.0.0.1',
      LATCHKEY_CONSOLE: true,
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
        'LATCHKEY_AUDIT_RETENTION_DAYS',
        'LATCHKEY_POOL_SIZE',
        'LATCHKEY_USAGE_FLUSH_INTERVAL_MS',
        'LATCHKEY_SHUTDOWN_TIMEOUT_MS',
        'LATCHKEY_BOOTSTRAP_ENDPOINT',
        'LATCHKEY_LOG_LEVEL',
        'LATCHKEY_PG_USER',
        'LATCHKEY_CORS_ORIGINS',
        'LATCHKEY_PUBLIC_URL',
        'LATCHKEY_DRAIN_MS',
        'LATCHKEY_AUTH_SECRET_FILE',
        'DATABASE_URL_FILE',
        'LATCHKEY_NOTHING',
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
    ['LATCHKEY_AUDIT_RETENTION_DAYS', '30', '36501'],
    ['LATCHKEY_OUTBOUND_TIMEOUT_MS', '99', '60001'],
    ['LATCHKEY_KEY_SET_MAX_AGE_MS', '99', '86400001'],
    ['LATCHKEY_KEY_SET_COOLDOWN_MS', '99', '3600001'],
    ['LATCHKEY_POOL_SIZE', '0', '1001'],
    ['LATCHKEY_USAGE_FLUSH_INTERVAL_MS', '9', '60001'],
  ] as const)('takes %s from its range and nothing beside it', (name, tooSmall, tooBig) => {
    for (const value of [tooSmall, tooBig, '1.5', 'many']) expect(faultsOf({ [name]: value })).toContain(name);
    expect(readEnvironment({ [name]: '100' })[name]).toBe(100);
  });

  it('takes the addresses of services of clouds, and refuses what is none', () => {
    const at = 'http://10.0.0.1:8080';
    expect(readEnvironment({ AWS_ENDPOINT_URL_STS: at, LATCHKEY_AUTH_AWS_REPLAY: 'allow' })).toMatchObject({
      ...{ AWS_ENDPOINT_URL_STS: at, LATCHKEY_AUTH_AWS_REPLAY: 'allow' },
    });
    expect(faultsOf({ AWS_ENDPOINT_URL_STS: 'sts.hunter2' })).toMatch(/AWS_ENDPOINT_URL_STS must be a URL such as/);
    expect(faultsOf({ LATCHKEY_AUTH_AWS_REPLAY: 'hunter2' })).toMatch(/REPLAY must be one of .*: refuse, allow/);
  });

  it('takes a url to listen at, or off for not listening', () => {
    const own = { DATABASE_URL: 'postgres://db/latchkey', LATCHKEY_AUTH_SECRET: SECRET };
    for (const [LATCHKEY_PUSH_URL, meant] of [
      ['postgres://direct:5432/latchkey', 'postgres://direct:5432/latchkey'],
      ['off', false],
    ] as const) {
      expect(readEnvironment({ ...own, LATCHKEY_PUSH_URL }).LATCHKEY_PUSH_URL).toBe(meant);
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

  it.each([
    'abc',
    '-1',
    '65536',
    '80.5',
    '1e3',
    '0x50',
    ' 80',
    '80 ',
    '+80',
    '80tcp',
    'tcp://10.0.0.1:80',
    '٨٠',
    'Infinity',
  ])('refuses PORT=%j', (PORT) => {
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

  describe('a secret', () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'latchkey-environment-'));
    const file = (content: string) => {
      const name = path.join(dir, randomBytes(8).toString('hex'));
      writeFileSync(name, content);
      return name;
    };
    const OWN = { DATABASE_URL: 'postgres://db/latchkey' };
    const WITH_COMMAS = `a,b, c ${SECRET}`;
    const secrets = (source: NodeJS.ProcessEnv) => {
      const { LATCHKEY_AUTH_SECRET, LATCHKEY_PREVIOUS_AUTH_SECRETS } = readEnvironment(source);
      return [LATCHKEY_AUTH_SECRET, ...LATCHKEY_PREVIOUS_AUTH_SECRETS];
    };

    it('is trimmed, and what was signed with it before it was trimmed still verifies', () => {
      expect(secrets({ LATCHKEY_AUTH_SECRET: SECRET })).toEqual([SECRET]);
      expect(secrets({ LATCHKEY_AUTH_SECRET: ` ${SECRET}\n` })).toEqual([SECRET, ` ${SECRET}\n`]);
    });

    it('may have commas and spaces in a JSON list of those that signed earlier, as in a file', () => {
      const listed = JSON.stringify([WITH_COMMAS, SECRET]);
      for (const source of [
        { LATCHKEY_PREVIOUS_AUTH_SECRETS: listed },
        { LATCHKEY_PREVIOUS_AUTH_SECRETS: `\n${listed} ` },
        { LATCHKEY_PREVIOUS_AUTH_SECRETS_FILE: file(listed) },
        { LATCHKEY_PREVIOUS_AUTH_SECRETS_FILE: file(`${WITH_COMMAS}\r\n\r\n${SECRET}\r\n`) },
      ])
        expect(secrets(source)).toEqual([undefined, WITH_COMMAS, SECRET]);
    });

    it.each([`["${SECRET}"`, `["${SECRET}", 1]`, `[["${SECRET}"]]`, `["short"]`, `${SECRET}\n${SECRET}`])(
      'that signed earlier is refused as %j',
      (LATCHKEY_PREVIOUS_AUTH_SECRETS) => {
        expect(faultsOf({ LATCHKEY_PREVIOUS_AUTH_SECRETS })).toMatch(/LATCHKEY_PREVIOUS_AUTH_SECRETS must/);
        expect(faultsOf({ LATCHKEY_PREVIOUS_AUTH_SECRETS })).not.toContain(SECRET);
      },
    );

    it('of several lines is several, most likely, and refused', () => {
      expect(faultsOf({ LATCHKEY_AUTH_SECRET: `${SECRET}\n${SECRET.toLowerCase()}` })).toMatch(/must be on one line/);
    });

    it('is read from a file, as is every address that has one in it', () => {
      const environment = readEnvironment({
        DATABASE_URL_FILE: file('postgres://db/latchkey\n'),
        LATCHKEY_PUSH_URL_FILE: file('postgres://direct/latchkey\n'),
        LATCHKEY_AUTH_SECRET_FILE: file(`\uFEFF${SECRET}\r\n`),
      });
      expect(environment).toMatchObject({
        DATABASE_URL: 'postgres://db/latchkey',
        LATCHKEY_PUSH_URL: 'postgres://direct/latchkey',
        LATCHKEY_AUTH_SECRET: SECRET,
      });
      expect(environment.LATCHKEY_PREVIOUS_AUTH_SECRETS).toEqual([]);
    });

    it.each([
      ['not there', () => path.join(dir, 'missing'), /LATCHKEY_AUTH_SECRET_FILE must name a file .*\(ENOENT\)/],
      ['a directory', () => dir, /LATCHKEY_AUTH_SECRET_FILE must name a file .*\(EISDIR\)/],
      ['empty', () => file(' \n'), /LATCHKEY_AUTH_SECRET_FILE must name a file that is not empty/],
      ['too long', () => file('x'.repeat(65_537)), /LATCHKEY_AUTH_SECRET_FILE must name a file of 64 KiB at most/],
    ])('is refused when its file is %s', (_, name, fault) => {
      expect(faultsOf({ ...OWN, LATCHKEY_AUTH_SECRET_FILE: name() })).toMatch(fault);
    });

    it.each(['DATABASE_URL', 'LATCHKEY_PUSH_URL', 'LATCHKEY_AUTH_SECRET', 'LATCHKEY_PREVIOUS_AUTH_SECRETS'])(
      '%s is refused when it is set in both ways, and when its file is empty',
      (name) => {
        const source = { [name]: 'x', [`${name}_FILE`]: file('x') };
        expect(faultsOf(source)).toContain(`${name} and ${name}_FILE must not both be set`);
        expect(faultsOf({ [`${name}_FILE`]: file('') })).toContain(`${name}_FILE must name a file that is not empty`);
      },
    );
  });

  it('names every variable that is like one of ours and is none, with the one that was meant', () => {
    for (const [name, meant] of [
      ['LATCHKEY_AUTH_SECERT', 'LATCHKEY_AUTH_SECRET'],
      ['LATCHKEY_TRUSTED_PROXY', 'LATCHKEY_TRUSTED_PROXIES'],
      ['LATCHKEY_DATABASE_URL', 'DATABASE_URL'],
      ['LATCHKEY_HOST', 'HOST'],
      ['LATCHKEY_PORT', 'PORT'],
      ['latchkey_pool_size', 'LATCHKEY_POOL_SIZE'],
      ['LATCHKEY_DATABASE_URL_FILE', 'DATABASE_URL_FILE'],
    ] as const)
      expect(faultsOf({ [name]: '80 hunter2' })).toBe(
        `Latchkey cannot start:\n  ${name} is not understood: did you mean ${meant}?`,
      );
    for (const name of ['PORT_FILE', 'HOST_FILE', 'LATCHKEY_LOG_LEVEL_FILE', 'LATCHKEY_DATA_DIR_FILE'])
      expect(faultsOf({ [name]: '/run/secrets/x' })).toMatch(new RegExp(`${name} is not understood: set`));
  });

  it('takes no notice of what Kubernetes sets beside services whose names begin with latchkey', () => {
    expect(
      faultsOf({
        LATCHKEY_SERVICE_HOST: '10.0.0.1',
        LATCHKEY_SERVICE_PORT: '8080',
        LATCHKEY_SERVICE_PORT_HTTP: '8080',
        LATCHKEY_PORT: 'tcp://10.0.0.1:8080',
        LATCHKEY_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
        LATCHKEY_PORT_8080_TCP_PROTO: 'tcp',
        LATCHKEY_PORT_8080_TCP_PORT: '8080',
        LATCHKEY_PORT_8080_TCP_ADDR: '10.0.0.1',
        LATCHKEY_API_SERVICE_HOST: '10.0.0.1',
        LATCHKEY_API_V2_PORT: 'udp://10.0.0.1:53',
        LATCHKEY_API_V2_PORT_53_UDP_ADDR: '10.0.0.1',
      }),
    ).toBe('');
  });

  it('takes no notice of what Docker sets for a link whose alias begins with latchkey, and of nothing like it', () => {
    const link = { LATCHKEY_DB_NAME: '/web/latchkey-db', LATCHKEY_DB_ENV_PG_MAJOR: '15' };
    expect(faultsOf({ ...link, LATCHKEY_DB_PORT: 'tcp://10.0.0.1:5432' })).toBe('');
    expect(faultsOf({ LATCHKEY_ENV_ENV_X: 'x', LATCHKEY_ENV_PORT: 'tcp://10.0.0.1:80' })).toBe('');
    for (const other of [{}, { LATCHKEY_DB_PORT: '5432' }, { LATCHKEY_API_PORT: 'tcp://10.0.0.1:5432' }])
      expect(faultsOf({ ...link, ...other })).toMatch(/LATCHKEY_DB_NAME is not.*\n.*LATCHKEY_DB_ENV_PG_MAJOR is not/);
    const misnamed = { LATCHKEY_DB_SECRET: 'x', LATCHKEY_DB_PORT: 'tcp://10.0.0.1:5432' };
    expect(faultsOf(misnamed)).toMatch(/LATCHKEY_DB_SECRET is not understood/);
  });

  it.each([
    ['127.0.0.1:8080', /HOST must be an address or a name .* PORT/],
    ['[::1]:8080', /HOST must/],
    ['http://localhost', /HOST must/],
    ['/run/latchkey.sock', /HOST must/],
    ['unix:/run/latchkey.sock', /HOST must/],
    ['*', /HOST must/],
    ['a b', /HOST must/],
    [' ', /HOST must not be blank/],
  ])('refuses HOST=%j', (HOST, fault) => {
    expect(faultsOf({ HOST })).toMatch(fault);
  });

  it.each([
    ['[::1]', '::1'],
    ['::', '::'],
    [' 0.0.0.0 ', '0.0.0.0'],
    ['localhost', 'localhost'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
  ])('listens at HOST=%j', (HOST, meant) => {
    expect(readEnvironment({ HOST }).HOST).toBe(meant);
  });

  it.each(['yes', '1', 'TRUE', 'on', 'no'])('refuses LATCHKEY_BOOTSTRAP_ENDPOINT=%j', (LATCHKEY_BOOTSTRAP_ENDPOINT) => {
    expect(faultsOf({ LATCHKEY_BOOTSTRAP_ENDPOINT })).toMatch(/LATCHKEY_BOOTSTRAP_ENDPOINT must/);
  });

  it('takes origins as browsers say them, or all, and nothing in between', () => {
    const origins = (LATCHKEY_CORS_ORIGINS: string) => readEnvironment({ LATCHKEY_CORS_ORIGINS }).LATCHKEY_CORS_ORIGINS;
    expect(origins('https://a.test, http://localhost:3000')).toEqual(['https://a.test', 'http://localhost:3000']);
    expect(origins('*')).toEqual(['*']);
    for (const LATCHKEY_CORS_ORIGINS of [
      'a.test',
      'https://a.test/',
      'https://a.test/x',
      'https://A.test',
      'https://a.test:443',
      'https://*.a.test',
      'null',
      '*,https://a.test',
      'file:///x',
    ])
      expect(faultsOf({ LATCHKEY_CORS_ORIGINS })).toMatch(/LATCHKEY_CORS_ORIGINS must/);
  });

  it('takes the URL it is reached at from outside', () => {
    const LATCHKEY_PUBLIC_URL = 'https://example.test/latchkey';
    expect(readEnvironment({ LATCHKEY_PUBLIC_URL }).LATCHKEY_PUBLIC_URL).toBe(LATCHKEY_PUBLIC_URL);
    for (const wrong of [
      'example.test',
      '/latchkey',
      'ftp://a.test',
      'https://u:hunter2@a.test',
      'https://a.test?x=y',
    ]) {
      expect(faultsOf({ LATCHKEY_PUBLIC_URL: wrong })).toMatch(/LATCHKEY_PUBLIC_URL must/);
      expect(faultsOf({ LATCHKEY_PUBLIC_URL: wrong })).not.toContain('hunter2');
    }
  });

  it('refuses what contradicts itself', () => {
    expect(faultsOf({ LATCHKEY_PUSH_URL: 'postgres://db/latchkey' })).toMatch(/must be left out without DATABASE_URL/);
    expect(faultsOf({ LATCHKEY_PUSH_URL: 'off' })).toBe('');
    expect(faultsOf({ LATCHKEY_AUTH_SECRET: ' \n' })).toMatch(/LATCHKEY_AUTH_SECRET must not be blank/);
  });

  it('honours the PG variables that node-postgres reads beside a DATABASE_URL, and refuses the others', () => {
    const own = { DATABASE_URL: 'postgres://db/latchkey', LATCHKEY_AUTH_SECRET: SECRET };
    const heeded = { PGPASSWORD: 'hunter2', PGSSLMODE: 'verify-full', PGUSER: 'u', PGDATA: '/data' };
    expect(faultsOf({ ...own, ...heeded })).toBe('');
    for (const name of [
      'PGSSLROOTCERT',
      'PGHOSTADDR',
      'PGTARGETSESSIONATTRS',
      'PGCHANNELBINDING',
      'PGSERVICE',
      'PGSYSCONFDIR',
      'PGCONNECT_TIMEOUT',
      'PGTZ',
      'PGDATESTYLE',
      'PGGEQO',
      'PGLOCALEDIR',
      'PGMAXPROTOCOLVERSION',
    ])
      expect(faultsOf({ ...own, [name]: 'x' })).toContain(`${name} is not understood`);
    for (const PGSSLMODE of ['allow', 'verify_full'])
      expect(faultsOf({ ...own, PGSSLMODE })).toMatch(/PGSSLMODE must be one of/);
    expect(faultsOf({ PGSSLROOTCERT: 'x', PGSSLMODE: 'allow' })).toBe('');
  });

  it('remarks on what has no effect', () => {
    const own = { DATABASE_URL: 'postgres://db/latchkey', LATCHKEY_AUTH_SECRET: SECRET };
    const remarks = (source: NodeJS.ProcessEnv) => remarksOn(readEnvironment(source), source);
    expect(remarks({ PGHOST: 'db' })).toEqual([expect.stringMatching(/^PGHOST has no effect without DATABASE_URL/)]);
    expect(remarks({ ...own, PGHOST: 'db' })).toEqual([]);
    expect(remarks({ ...own, LATCHKEY_DATA_DIR: 'x' })).toEqual(['LATCHKEY_DATA_DIR has no effect with DATABASE_URL']);
  });

  it('is what the documentation says it is: every variable, and every default', () => {
    const documentation = readFileSync(path.join(__dirname, '../../docs/configuration.md'), 'utf8');
    const rows = [...documentation.matchAll(/^\| `([A-Z_]+)` +\| ([^|]+?) +\|/gm)];
    const said = Object.fromEntries(rows.map(([, name, value]) => [name, value]));
    const environment = Object.entries(readEnvironment({}));
    expect(Object.keys(said).sort()).toEqual(environment.map(([name]) => name).sort());
    for (const [name, value] of environment.filter(([, set]) => set !== undefined)) {
      expect([name, said[name]]).toEqual([
        name,
        Array.isArray(value) ? 'none' : `\`${String(value as string | number | boolean)}\``,
      ]);
    }
  });
});
