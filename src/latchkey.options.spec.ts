import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { type LatchkeyOptions, LatchkeyOptionsError, LatchkeySettings, OPTIONS } from './latchkey.options';

const AN_URL = 'database.url must be a URL like postgres://user:password@host:5432/name, special characters as %xx';

const A_SCHEMA =
  'database.schema must be lower case letters, digits and underscores, 63 at most, and not begin with pg_';

const SECRET = randomBytes(48).toString('base64');
const URL = 'postgres://user:pw-4711@host/db';
const GOOD: LatchkeyOptions = { database: { url: URL }, authSecret: SECRET };
const CONNECTION = { typeorm: { url: URL }, pg: { connectionString: URL } };

/** Every option there is, each as it may be. */
const EVERYTHING: Required<Omit<LatchkeyOptions, 'database' | 'authSecret'>> = {
  previousAuthSecrets: [],
  maxTokenAgeSeconds: 60,
  trustedProxies: ['10.0.0.0/8'],
  usageFlushIntervalMs: 100,
  revocationBoundMs: 100,
  cacheEntries: 10,
  tokenRetentionSeconds: 10,
  auditRetentionDays: 31,
  outboundAllow: ['127.0.0.0/8'],
  outboundTimeoutMs: 500,
  keySetMaxAgeMs: 5_000,
  keySetCooldownMs: 1_000,
  awsStsUrl: 'http://10.0.0.1:8080/',
  awsReplay: 'allow',
  gcpCertsUrl: 'http://10.0.0.1:8080/certs',
  azureAuthority: 'http://10.0.0.1:8080',
  gcpServiceAccountCertsUrl: 'http://10.0.0.1:8080/accounts/',
  maintenance: true,
  bootstrapEndpoint: true,
  keys: { prefix: 'acme_live_' },
  requestLimits: { publicPerAddress: [{ limit: 60, perSeconds: 60 }] },
  permissions: { 'reports:read': ['admin'] },
  migrate: 'never',
  tokenHeader: 'X-API-Key',
};

function faultsOf(options: Partial<LatchkeyOptions>): string {
  try {
    new LatchkeySettings({ ...GOOD, ...options });
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(LatchkeyOptionsError);
    return (error as Error).message;
  }
}

describe('the options', () => {
  it('have every default applied', () => {
    expect({ ...new LatchkeySettings(GOOD) }).toEqual({
      connection: CONNECTION,
      poolSize: 10,
      schema: 'latchkey',
      gatePoolSize: 4,
      pushConnection: CONNECTION.pg,
      authSecrets: [SECRET],
      maxTokenAgeSeconds: 7_776_000,
      trustedProxies: [],
      usageFlushIntervalMs: 1_000,
      revocationBoundMs: 1_000,
      cacheEntries: 20_000,
      tokenRetentionSeconds: 2_592_000,
      auditRetentionDays: 365,
      outboundAllow: [],
      outboundTimeoutMs: 10_000,
      keySetMaxAgeMs: 600_000,
      keySetCooldownMs: 30_000,
      awsReplay: 'refuse',
      requestLimits: {},
      cloudUrls: {},
      maintenance: true,
      bootstrapEndpoint: false,
      hostPermissions: {},
      migrate: 'on-start',
      tokenHeader: 'authorization',
    });
  });

  it('have the defaults that their documentation gives', () => {
    const source = readFileSync(path.join(__dirname, 'latchkey.options.ts'), 'utf8');
    const documented = source.matchAll(/@default ('[^']*'|\S+)[^\n]*\n +\*\/\n +readonly (\w+)\?/g);
    const said = Object.fromEntries([...documented].map(([, value, name]) => [name, value!.replaceAll("'", '"')]));
    const defaults = Object.entries(OPTIONS).filter(([, option]) => 'default' in option);
    expect(said).toEqual(
      Object.fromEntries(
        defaults.map(([name, option]) => [name, JSON.stringify((option as { default: unknown }).default)]),
      ),
    );
  });

  it('take undefined for not given, and 0 and false for what they are', () => {
    const { maxTokenAgeSeconds, bootstrapEndpoint, migrate } = new LatchkeySettings({
      ...GOOD,
      maxTokenAgeSeconds: 0,
      bootstrapEndpoint: false,
      migrate: undefined,
    });
    expect({ maxTokenAgeSeconds, bootstrapEndpoint, migrate }).toEqual({
      maxTokenAgeSeconds: 0,
      bootstrapEndpoint: false,
      migrate: 'on-start',
    });
  });

  it('take the name of a header in any case', () => {
    expect(new LatchkeySettings({ ...GOOD, tokenHeader: 'X-API-Key' }).tokenHeader).toBe('x-api-key');
  });

  it('sign with the present secret and keep the former ones behind it', () => {
    const former = randomBytes(32).toString('hex');
    expect(new LatchkeySettings({ ...GOOD, previousAuthSecrets: [former] }).authSecrets).toEqual([SECRET, former]);
  });

  it('name everything at fault at once, and never a value', () => {
    const message = faultsOf({
      database: { url: 'mysql://root:hunter2@host/db', poolSize: 0, schema: 'hunter2; --' },
      authSecret: 'hunter2',
      previousAuthSecrets: [SECRET, 'hunter2'],
      maxTokenAgeSeconds: -4711,
      usageFlushIntervalMs: 4711.5,
      trustedProxies: ['10.0.0.0/8', '10.47.11.0/33'],
    });
    expect(message.split('\n  ')).toEqual([
      'Latchkey cannot start:',
      AN_URL,
      A_SCHEMA,
      'database.poolSize must be a whole number from 1 to 1000',
      'maxTokenAgeSeconds must be a whole number from 0 to 3153600000',
      'usageFlushIntervalMs must be a whole number from 10 to 60000',
      'authSecret must have at least 32 bytes',
      'previousAuthSecrets[1] must have at least 32 bytes',
      'trustedProxies[1] must be an IP address or a CIDR block',
    ]);
    expect(message).not.toMatch(/hunter2|4711|10\.47/);
  });

  it.each<[string, object, string]>([
    [
      'in capitals',
      { 'Reports:Read': [] },
      "permissions['Reports:Read'] must be named like reports:read, in lower case",
    ],
    ['without an action', { reports: [] }, "permissions['reports'] must be named like reports:read, in lower case"],
    [
      "like one of Latchkey's own",
      { 'identity:read': ['admin'] },
      "permissions['identity:read'] must not be named like a permission of Latchkey's own",
    ],
    [
      'for a role nobody has',
      { 'reports:read': ['owner'] },
      "permissions['reports:read'] must list roles: admin, member, no-access",
    ],
  ])('refuse a permission %s', (_, permissions, message) => {
    expect(faultsOf({ permissions } as Partial<LatchkeyOptions>)).toBe(`Latchkey cannot start:\n  ${message}`);
  });

  it.each<[object | undefined, string]>([
    [{ authSecrt: SECRET }, 'authSecrt is not an option of Latchkey'],
    [{ bootstrapEndpoint: 'false' }, 'bootstrapEndpoint must be true or false'],
    [{ maintenance: 'false' }, 'maintenance must be true or false'],
    [{ migrate: false }, "migrate must be 'on-start' or 'never'"],
    [{ migrate: 'on_start' }, "migrate must be 'on-start' or 'never'"],
    [{ keys: 'acme_live_' as never }, 'keys must be an object with a prefix'],
    [
      { keys: { prefix: 'Acme' } },
      'keys.prefix must be 2 to 20 lower-case letters, digits and underscores, begin with a letter and end with an underscore',
    ],
    [
      { keys: { prefix: 'acme_', imported: ['eyJ'] } },
      'keys.imported[0] must be at most 64 visible characters and not begin with eyJ',
    ],
    [{ keys: { prefix: 'acme_', prefixes: [] } as never }, 'keys.prefixes is not an option of Latchkey'],
    [{ permissions: null }, "permissions must be an object such as { 'reports:read': ['admin'] }"],
    [{ permissions: ['reports:read'] }, "permissions must be an object such as { 'reports:read': ['admin'] }"],
    [{ authSecret: 123 }, 'authSecret must be a string'],
    [{ authSecret: null }, 'authSecret must be a string'],
    [{ authSecret: randomBytes(48) }, 'authSecret must be a string'],
    [{ previousAuthSecrets: SECRET }, 'previousAuthSecrets must be a list'],
    [{ trustedProxies: '10.0.0.0/8' }, 'trustedProxies must be a list'],
    [{ outboundAllow: ['x'] }, 'outboundAllow[0] must be an IP address or a CIDR block'],
    [{ outboundTimeoutMs: 99 }, 'outboundTimeoutMs must be a whole number from 100 to 60000'],
    [{ keySetMaxAgeMs: 0 }, 'keySetMaxAgeMs must be a whole number from 100 to 86400000'],
    [{ keySetCooldownMs: 1 }, 'keySetCooldownMs must be a whole number from 100 to 3600000'],
    ...['sts.example', 'ftp://x', 'http://user@x', 'http://x/path', 'http://x/?y', 1].map(
      (awsStsUrl): [object, string] => [
        { awsStsUrl },
        'awsStsUrl must be a URL such as https://sts.example, http or https, without path, user, query or fragment',
      ],
    ),
    [{ awsReplay: 'never' }, "awsReplay must be 'refuse' or 'allow'"],
    ...['', 'x api key', 'x-api-key:', 'Cookie', 1].map((tokenHeader): [object, string] => [
      { tokenHeader },
      'tokenHeader must be the name of a header such as x-api-key, and not that of cookies',
    ]),
    [{ trustedProxies: [null] }, 'trustedProxies[0] must be an IP address or a CIDR block'],
    [{ mountPath: '/x' }, 'mountPath must stand beside useFactory, useClass or useExisting, not come from it'],
    [{ controllers: false }, 'controllers must stand beside useFactory, useClass or useExisting, not come from it'],
  ])('refuse %j', (options, message) => {
    expect(faultsOf(options as Partial<LatchkeyOptions>)).toBe(`Latchkey cannot start:\n  ${message}`);
  });

  it.each([undefined, null, 'postgres://a', 5, []])('refuse %j in the place of options', (options) => {
    const make = () => new LatchkeySettings(options as unknown as LatchkeyOptions);
    expect(make).toThrow(new LatchkeyOptionsError(['the options must be an object with database and authSecret']));
  });

  it('refuse whatever is of another type, in one way and without repeating it', () => {
    const good: Record<string, unknown> = { ...GOOD, ...EVERYTHING };
    const anything = fc.oneof(
      fc.constantFrom(null, NaN, Infinity, -1, 0.5, Symbol('x'), 12n, new Date(0), Buffer.alloc(48), () => 'x'),
      fc.string({ minLength: 3 }).map((text) => `4711${text}`),
      fc.array(fc.constantFrom(null, 4711, {}, '4711'), { minLength: 1 }),
      fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom(null, 4711, '4711'), { minKeys: 1 }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(good)), anything, (name, value) => {
        const message = faultsOf({ ...good, [name]: value });
        expect(message).toMatch(new RegExp(`^Latchkey cannot start:\\n {2}${name}`));
        expect(message).not.toContain('4711');
      }),
      { numRuns: 2_000 },
    );
  });

  it('take the connection settings of a data source and nothing else of it, of a replication set the master', () => {
    const host = { host: 'db', port: 6432, username: 'app', password: 'pw-4711', database: 'shop', ssl: true };
    const options = {
      type: 'postgres',
      ...host,
      logging: true,
      poolSize: 3,
      extra: { max: 3, keepAlive: true },
    } as const;
    const { connection, pushConnection } = new LatchkeySettings({ ...GOOD, database: { dataSource: { options } } });
    const pg = {
      host: 'db',
      port: 6432,
      user: 'app',
      password: 'pw-4711',
      database: 'shop',
      ssl: true,
      keepAlive: true,
    };
    expect(connection).toEqual({ typeorm: { ...host, extra: { keepAlive: true } }, pg });
    expect(pushConnection).toEqual(pg);
    const replication = { master: { url: URL }, slaves: [{ url: 'postgres://b' }] };
    const replicated = { type: 'postgres' as const, replication };
    const { connection: master } = new LatchkeySettings({ ...GOOD, database: { dataSource: { options: replicated } } });
    expect(master).toEqual({ typeorm: { url: URL, extra: {} }, pg: { connectionString: URL } });
  });

  it.each<[string, unknown, string]>([
    ['nowhere', {}, AN_URL],
    ['missing', undefined, 'database must be an object: { url } or { dataSource }'],
    ['null', null, 'database must be an object: { url } or { dataSource }'],
    ['a URL', URL, 'database must be an object: { url } or { dataSource }'],
    [
      'a data source that is null',
      { dataSource: null },
      'database.dataSource must be a DataSource of the type postgres',
    ],
    ['in a schema PostgreSQL keeps', { url: URL, schema: 'pg_foo' }, A_SCHEMA],
    ['in no schema', { url: URL, schema: null }, A_SCHEMA],
    ['misspelt', { url: URL, shema: 'x' }, 'database.shema is not an option of Latchkey'],
    ['pushed from nowhere', { url: URL, pushUrl: '' }, AN_URL.replace('.url', '.pushUrl') + ', or false'],
    ['with a percent sign in the password', { url: 'postgres://a:hun%ter2@host/db' }, AN_URL],
    ['with a host that is none', { url: 'postgres://a:b@[::zz/db' }, AN_URL],
    [
      'in two places',
      { url: URL, dataSource: { options: { type: 'postgres' } } },
      'database must have a url or a dataSource, not both',
    ],
    [
      'of another type',
      { dataSource: { options: { type: 'mysql' } } },
      'database.dataSource must be a DataSource of the type postgres',
    ],
    ['no data source', { dataSource: 'default' }, 'database.dataSource must be a DataSource of the type postgres'],
  ])('refuse a database that is %s', (_, database, message) => {
    expect(faultsOf({ database } as Partial<LatchkeyOptions>)).toBe(`Latchkey cannot start:\n  ${message}`);
  });

  it.each([
    ['missing', undefined as unknown as string],
    ['empty', ''],
    [
      '31 bytes',
      randomBytes(31)
        .toString('latin1')
        .slice(0, 31)
        .replace(/[^ -~]/g, 'x'),
    ],
    ['one letter', 'a'.repeat(64)],
    ['two letters', 'ab'.repeat(32)],
    ['digits only', '0123456789'.slice(0, 9).repeat(8)],
    ['a short text over and over', 'k3Jd9-xLq2Zp'.repeat(4)],
    ['two halves alike', 'k3Jd9-xLq2ZpWm7R'.repeat(2)],
    ['a placeholder', 'change-me-change-me-please-0123456789'],
    ['a placeholder in capitals', 'CHANGEME_0123456789_abcdefghijklmnop'],
    ['words of an example', 'your-secret-goes-here-0123456789-abc'],
    ['an example', 'this-is-an-example-key-0123456789-xyz'],
    ['a PEM key', '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQg'],
  ])('refuse a secret that is %s', (_, authSecret) => {
    expect(faultsOf({ authSecret })).toMatch(/authSecret must/);
    if (authSecret) expect(faultsOf({ authSecret })).not.toContain(authSecret);
    if (authSecret) expect(faultsOf({ previousAuthSecrets: [authSecret] })).toMatch(/previousAuthSecrets\[0\] must/);
  });

  it('accept any random secret of 32 bytes or more, in any usual spelling', () => {
    const bytes = fc.integer({ min: 32, max: 64 }).map((length) => randomBytes(length));
    fc.assert(
      fc.property(bytes, fc.constantFrom('base64', 'base64url', 'hex'), (random, spelling) => {
        expect(faultsOf({ authSecret: random.toString(spelling as BufferEncoding) })).toBe('');
      }),
    );
  });

  it('count the bytes of a secret, not its letters', () => {
    expect(faultsOf({ authSecret: 'äöüßéèêçñåøæđħłŧ' })).toBe('');
  });
});
