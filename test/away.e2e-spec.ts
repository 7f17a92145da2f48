import { randomBytes, randomUUID } from 'node:crypto';
import * as http from 'node:http';
import * as net from 'node:net';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { DatabaseUnavailableError } from '../src/common/errors/common.errors';
import { isDatabaseUnavailable } from '../src/common/errors/database-errors';
import { CancellableClient } from '../src/database/connections/cancellable-client';
import { AccessTokens } from '../src/host-api/access-tokens';
import { MachineIdentities } from '../src/host-api/machine-identities';
import { MaintenanceRunner } from '../src/maintenance/maintenance.runner';
import { type Answer, refused } from './support/api-client';
import type { GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { errorResponse, startTcpProxy, type TcpProxy } from './support/tcp-proxy';
import { onDatabase } from './support/urls';

const DETAILS = '/api/v1/identities/details';
const UNAVAILABLE = refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.');
const WORKER = process.env.JEST_WORKER_ID;
const ROLE = `latchkey_away_${WORKER}`;
const PASSWORD = randomBytes(24).toString('hex');
const NAME = `latchkey_test_${WORKER}`;

/** From another database, as the one who owns the server. */
async function administrate(...statements: string[]): Promise<void> {
  await ask(process.env.LATCHKEY_TEST_SERVER!, statements);
}

/** The same in the database of Latchkey, or in what it is called meanwhile. */
async function inside(...statements: string[]): Promise<void> {
  await ask(onDatabase(process.env.LATCHKEY_TEST_SERVER!, NAME), statements);
}

async function ask(url: string, statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

const drop = (database: string) =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}' AND pid <> pg_backend_pid()`;

/** Takes a database away at a moment when nobody is in it: there is always somebody about to come back. */
async function whenEmpty(database: string, statement: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await administrate(drop(database), statement);
    } catch (error) {
      if (attempt === 100) throw error;
    }
  }
}

/** What answers at the port of a database, and is none. */
async function startImpostor(answer: (socket: net.Socket, first: Buffer) => void): Promise<net.Server> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined).once('data', (first: Buffer) => answer(socket, first));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const says = (fields: Record<string, string>) => (socket: net.Socket) => void socket.end(errorResponse(fields));
const IMPOSTORS: [string, (socket: net.Socket, first: Buffer) => void][] = [
  ['whose password was rotated', says({ S: 'FATAL', C: '28P01', M: 'password authentication failed' })],
  ['whose pg_hba.conf refuses us', says({ S: 'FATAL', C: '28000', M: 'no pg_hba.conf entry for host' })],
  ['that does not know the database', says({ S: 'FATAL', C: '3D000', M: 'database does not exist' })],
  ['with no memory left', says({ S: 'FATAL', C: '53200', M: 'out of memory' })],
  ['whose files are corrupt', says({ S: 'FATAL', C: 'XX001', M: 'could not read block' })],
  ['behind a pooler that cannot log in', says({ S: 'FATAL', C: '08P01', M: 'server login failed: x' })],
  ['behind a pooler that is full', says({ S: 'FATAL', C: '08P01', M: 'query_wait_timeout' })],
  ['behind a pooler of another kind', says({ S: 'ERROR', C: '58000', M: 'all servers are down' })],
  ['that refuses with words nobody knows', says({ S: 'FATAL', C: '42601', M: 'unsupported startup parameter' })],
  ['that refuses without a code', says({ S: 'FATAL', M: 'no more connections allowed' })],
  ['that hangs up at once', (socket) => void socket.destroy()],
  ['that speaks HTTP', (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
  ['that speaks SSH', (socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
  ['that asks for what nobody can give', (socket) => void socket.write(Buffer.from('R\0\0\0\x08\0\0\0c', 'latin1'))],
  ['whose words end too soon', (socket) => void socket.write(Buffer.from('T\0\0\0\x06\xff\xff', 'latin1'))],
  ['that goes on before it has begun', (socket) => void socket.write(Buffer.from('D\0\0\0\x06\0\0', 'latin1'))],
  ['that echoes', (socket, first) => void socket.write(first)],
];

let latchkey: TestLatchkey;
let proxy: TcpProxy;
let token: GivenToken;
let methods: string;

beforeAll(async () => {
  await administrate(`DROP ROLE IF EXISTS ${ROLE}`, `CREATE ROLE ${ROLE} LOGIN PASSWORD '${PASSWORD}'`);
  await inside(
    `GRANT ALL ON SCHEMA latchkey TO ${ROLE}`,
    `GRANT ALL ON ALL TABLES IN SCHEMA latchkey TO ${ROLE}`,
    `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA latchkey TO ${ROLE}`,
    `GRANT ALL ON ALL SEQUENCES IN SCHEMA latchkey TO ${ROLE}`,
  );
  proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
  const url = new URL(proxy.url);
  url.username = ROLE;
  url.password = PASSWORD;
  latchkey = await startLatchkey({ database: { url: url.href }, revocationBoundMs: 100 });
});
beforeEach(async () => {
  token = await latchkey.given.token({ role: 'admin' });
  methods = `/api/v1/auth/token-auth/identities/${token.identityId}`;
});
afterAll(async () => {
  await latchkey.stop();
  await proxy.stop();
  await inside(`DROP OWNED BY ${ROLE}`);
  await administrate(`DROP ROLE ${ROLE}`);
});

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await done()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
}

const readings = (): (() => Promise<Answer>)[] => [
  () => token.api.get(DETAILS),
  () => token.api.get(`/api/v1/identities/${token.identityId}`),
  () => token.api.get(`${methods}/tokens`),
];
const changes = (): (() => Promise<Answer>)[] => [
  () => latchkey.admin.post('/api/v1/identities', { name: 'x', organizationId: latchkey.given.organizationId }),
  () => latchkey.admin.patch(`/api/v1/auth/token-auth/tokens/${token.tokenId}`, { name: 'x' }),
  () => latchkey.admin.patch(`/api/v1/identities/${token.identityId}`, { role: 'member' }),
  () => latchkey.admin.post(`/api/v1/auth/token-auth/tokens/${token.tokenId}/revoke`),
  () => latchkey.admin.delete(methods),
  () => latchkey.admin.delete(`/api/v1/identities/${token.identityId}`),
  () => latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: token.accessToken }),
  () => latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken: token.accessToken }),
];
const logins = (): (() => Promise<Answer>)[] => [
  () => latchkey.anonymous.post('/api/v1/auth/universal-auth/login', { clientId: 'x', clientSecret: 'y' }),
];

/** Every way to ask is 503 with Retry-After, in few lines of log, nothing is done, and it is over when it is over. */
async function outage(begin: () => Promise<void>, end: () => Promise<void>, asks: (() => Promise<Answer>)[]) {
  expect((await token.api.get(DETAILS)).status).toBe(200);
  try {
    await begin();
    await until(async () => (await asks[0]!()).status === 503);
    const from = latchkey.logs.length;
    const answers = await Promise.all([...asks, ...asks, ...asks].map((one) => one()));
    expect(answers).toEqual(answers.map(() => UNAVAILABLE));
    expect(new Set(answers.map(({ headers }) => headers.get('retry-after')))).toEqual(new Set(['1']));
    const loud = latchkey.logs.slice(from).filter((line) => /"level":"(error|warn|fatal)"/.test(line));
    expect(loud.length).toBeLessThanOrEqual(4);
    await latchkey.app.get(MaintenanceRunner).run();
  } finally {
    await end();
  }
  await until(async () => (await token.api.get(`/api/v1/identities/${token.identityId}`)).status === 200);
  expect((await token.api.get(`/api/v1/identities/${token.identityId}`)).body.identity.role).toBe('admin');
}

describe('a database that is there and cannot be asked is 503 with Retry-After, never 500 and never 401:', () => {
  const OUTAGES: [string, () => Promise<void>, () => Promise<void>][] = [
    [
      'renamed',
      () => whenEmpty(NAME, `ALTER DATABASE ${NAME} RENAME TO ${NAME}_other`),
      () => administrate(`ALTER DATABASE ${NAME}_other RENAME TO ${NAME}`),
    ],
    [
      'being restored, and closed to all',
      () => administrate(`ALTER DATABASE ${NAME} ALLOW_CONNECTIONS false`, drop(NAME)),
      () => administrate(`ALTER DATABASE ${NAME} ALLOW_CONNECTIONS true`),
    ],
    [
      'with a limit of connections that is reached',
      () => administrate(`ALTER DATABASE ${NAME} CONNECTION LIMIT 0`, drop(NAME)),
      () => administrate(`ALTER DATABASE ${NAME} CONNECTION LIMIT -1`),
    ],
    [
      'whose role may not log in',
      () => administrate(`ALTER ROLE ${ROLE} NOLOGIN`, drop(NAME)),
      () => administrate(`ALTER ROLE ${ROLE} LOGIN`),
    ],
    [
      'whose role has another name',
      () => administrate(`ALTER ROLE ${ROLE} RENAME TO ${ROLE}_other`, drop(NAME)),
      () => administrate(`ALTER ROLE ${ROLE}_other RENAME TO ${ROLE}`),
    ],
    [
      'whose role has lost its grants',
      () => inside(`REVOKE ALL ON SCHEMA latchkey FROM ${ROLE}`),
      () => inside(`GRANT ALL ON SCHEMA latchkey TO ${ROLE}`),
    ],
    [
      'whose schema has another name',
      () => inside('ALTER SCHEMA latchkey RENAME TO elsewhere'),
      () => inside('ALTER SCHEMA elsewhere RENAME TO latchkey'),
    ],
  ];

  it.each(OUTAGES)('%s', (_, begin, end) => outage(begin, end, [...readings(), ...changes(), ...logins()]));

  it('one whose tables are being upgraded: a table missing, a column, a function', async () => {
    const table = [
      'ALTER TABLE latchkey.identity_access_tokens RENAME TO t',
      'ALTER TABLE latchkey.t RENAME TO identity_access_tokens',
    ] as const;
    const column = [
      'ALTER TABLE latchkey.organization_memberships RENAME role TO r',
      'ALTER TABLE latchkey.organization_memberships RENAME r TO role',
    ] as const;
    const reading = readings().slice(1);
    await outage(
      () => inside(table[0]),
      () => inside(table[1]),
      [reading[1]!, ...changes().slice(4, 5), ...changes().slice(6)],
    );
    await outage(
      () => inside(column[0]),
      () => inside(column[1]),
      [...reading, ...changes().slice(2, 6)],
    );
    // What is remembered needs no function.
    const cold = await latchkey.given.token();
    const functions = [
      'ALTER FUNCTION latchkey.token_state_of_key RENAME TO f',
      'ALTER FUNCTION latchkey.f RENAME TO token_state_of_key',
    ] as const;
    await outage(
      () => inside(functions[0]),
      () => inside(functions[1]),
      [() => cold.api.get(DETAILS)],
    );
  });

  it('one that takes no changes', () =>
    outage(
      () => administrate(`ALTER ROLE ${ROLE} SET default_transaction_read_only = on`, drop(NAME)),
      () => administrate(`ALTER ROLE ${ROLE} RESET default_transaction_read_only`, drop(NAME)),
      changes(),
    ));
});

describe('a server that is no database, or does not let us in, is 503 and ends no process: one', () => {
  const asks = () => [...readings(), ...changes(), ...logins()];

  it.each(IMPOSTORS)('%s', async (_, answer) => {
    const impostor = await startImpostor(answer);
    const { port } = impostor.address() as net.AddressInfo;
    await outage(
      () => Promise.resolve(proxy.pointTo(`postgres://latchkey@127.0.0.1:${port}/postgres`)),
      () => Promise.resolve(proxy.pointTo(process.env.LATCHKEY_TEST_DATABASE!)),
      asks(),
    );
    impostor.close();
  });

  it.each(IMPOSTORS)('to a host, in its own code: %s', async (_, answer) => {
    const impostor = await startImpostor(answer);
    const { port } = impostor.address() as net.AddressInfo;
    proxy.pointTo(`postgres://latchkey@127.0.0.1:${port}/postgres`);
    try {
      const issuing = latchkey.app.get(AccessTokens, { strict: false }).issue({ identityId: token.identityId });
      await expect(issuing).rejects.toBeInstanceOf(DatabaseUnavailableError);
    } finally {
      proxy.pointTo(process.env.LATCHKEY_TEST_DATABASE!);
      impostor.close();
    }
  });
});

describe('a backend that ends between two statements of a transaction', () => {
  const begin = () => Promise.resolve(proxy.die('in transaction'));
  const end = () => proxy.restore();

  it('is 503 on every way that changes something or logs in', async () => {
    const { identityId, clientId, clientSecretId, clientSecret } = await latchkey.given.client();
    const client = `/api/v1/auth/universal-auth/identities/${token.identityId}`;
    await outage(begin, end, [
      // To renew takes one statement, and no transaction.
      ...changes().toSpliced(6, 1),
      () => latchkey.anonymous.post('/api/v1/auth/universal-auth/login', { clientId, clientSecret }),
      () => latchkey.admin.post(client, {}),
      () => latchkey.admin.post(`${methods}/tokens`, {}),
      () => latchkey.admin.patch(methods, { accessTokenTTL: 60 }),
      () => latchkey.admin.get(`${methods}/tokens`),
      () => latchkey.admin.post('/api/v2/organizations', { name: 'x' }),
      () =>
        latchkey.admin.post(
          `/api/v1/auth/universal-auth/identities/${identityId}/client-secrets/${clientSecretId}/revoke`,
        ),
    ]);
  }, 30_000);

  it('is a DatabaseUnavailableError to a host, in a transaction of Latchkey', async () => {
    const { identityId } = token;
    const { organizationId } = latchkey.given;
    const tokens = latchkey.app.get(AccessTokens, { strict: false });
    const identities = latchkey.app.get(MachineIdentities, { strict: false });
    await begin();
    try {
      const acts = [
        () => tokens.issue({ identityId }),
        () => tokens.revoke(token.tokenId),
        () => identities.create({ organizationId, name: 'x' }),
        () => identities.createOrganization({ name: 'x' }),
      ];
      for (const act of acts) await expect(act()).rejects.toBeInstanceOf(DatabaseUnavailableError);
    } finally {
      await end();
    }
  });

  it("is a DatabaseUnavailableError to a host, in the host's own transaction", async () => {
    const host = new DataSource({ type: 'postgres', url: process.env.LATCHKEY_TEST_DATABASE!, logging: false });
    await host.initialize();
    const tokens = latchkey.app.get(AccessTokens, { strict: false });
    const attempt = host.transaction(async (manager) => {
      const [{ pid }] = await manager.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
      await inside(`SELECT pg_terminate_backend(${pid})`);
      await until(() => Promise.resolve(manager.queryRunner!.isReleased));
      for (const within of [manager, manager.queryRunner!]) {
        const issuing = tokens.issue({ identityId: token.identityId }, { manager: within });
        await expect(issuing).rejects.toBeInstanceOf(DatabaseUnavailableError);
      }
    });
    // The host's own commit is the host's to judge.
    await expect(attempt).rejects.toThrow('Query runner already released');
    await host.destroy();
  });
});

describe('an error while connecting is never a fault of a statement:', () => {
  const failing = async (config: ConstructorParameters<typeof CancellableClient>[0]): Promise<unknown> => {
    const client = new CancellableClient(config);
    return client.connect().then(
      () => 'connected',
      (error: unknown) => error,
    );
  };

  it.each([
    ['a name nobody knows', { host: 'database.invalid', port: 5432 }],
    ['a directory without a socket', { host: '/nowhere', port: 5432 }],
    ['a port nobody listens at', { host: '127.0.0.1', port: 1 }],
  ])('%s', async (_, config) => {
    expect(isDatabaseUnavailable(await failing(config))).toBe(true);
  });

  it.each([
    ['no TLS', 'N'],
    ['TLS that is none', 'Sxxxxxxxxxxxxxxxxxxxxxxx'],
    ['another protocol', 'H'],
  ])('TLS is asked for, and answered by %s', async (_, answer) => {
    const impostor = await startImpostor((socket) => void socket.end(answer));
    const { port } = impostor.address() as net.AddressInfo;
    const error = await failing({ host: '127.0.0.1', port, ssl: true });
    impostor.close();
    expect(isDatabaseUnavailable(error)).toBe(true);
  });
});

describe('a flood that waits for the database', () => {
  let onRefused: () => void;
  /** Somebody at an address of the machine sends the same over and over, and does not wait for the answers. */
  const flood = (localAddress: string, path: string, body: () => object, times = 700): Promise<unknown> => {
    const agent = new http.Agent({ maxSockets: times });
    const headers = { 'content-type': 'application/json' };
    const ask = () =>
      new Promise((resolve) => {
        const sent = http.request(latchkey.url + path, { method: 'POST', localAddress, agent, headers }, (answer) => {
          if (answer.statusCode === 503) onRefused();
          answer.resume().on('end', () => resolve(undefined));
        });
        sent.on('error', resolve).end(JSON.stringify(body()));
      });
    return Promise.all(Array.from({ length: times }, ask)).finally(() => agent.destroy());
  };
  /**
   * Two addresses fill the line, while a statement of theirs is held on every connection they get. A caller is served
   * meanwhile, and a third address when the connections are free again.
   */
  const during = async (
    from: (address: string) => Promise<unknown>,
    statement: string,
    [caller, stranger]: [() => Promise<Answer>, () => Promise<Answer>],
  ) => {
    const held = proxy.hold(statement);
    let refused = 0;
    // More than is refused of one address, so that both have as much in the line as they can.
    const turnedAway = new Promise<void>((resolve) => (onRefused = () => (refused += 1) === 385 && resolve()));
    const floods = Promise.all([from('127.0.0.2'), from('127.0.0.3')]);
    await Promise.all([held.caught, turnedAway]);
    const [asked, late] = [caller(), stranger()];
    const { status } = await asked;
    held.release();
    expect([status, (await late).status]).toEqual([200, 200]);
    await floods;
  };

  it('of revocations by strangers, keeps no caller and no other stranger from taking rights away', async () => {
    const [doomed, known, bare] = await Promise.all(Array.from({ length: 3 }, () => latchkey.given.token()));
    const path = '/api/v1/auth/token/revoke';
    await during((address) => flood(address, path, () => ({ accessToken: known!.accessToken })), 'SET revoked_at', [
      () => latchkey.admin.delete(`/api/v1/identities/${doomed!.identityId}`),
      () => latchkey.anonymous.post(path, { accessToken: bare!.accessToken }),
    ]);
  }, 30_000);

  it('of logins by strangers, keeps no caller from managing and no client from logging in', async () => {
    const { clientId, clientSecret } = await latchkey.given.client();
    const path = '/api/v1/auth/universal-auth/login';
    await during(
      (address) => flood(address, path, () => ({ clientId: randomUUID(), clientSecret })),
      'AS asked (client',
      [
        () => latchkey.admin.post(`${methods}/tokens`, {}),
        () => latchkey.anonymous.post(path, { clientId, clientSecret }),
      ],
    );
  }, 30_000);
});

describe('who manages waits for a turn while the database is well:', () => {
  const make = () =>
    latchkey.admin.post('/api/v1/identities', { name: 'x', organizationId: latchkey.given.organizationId });

  it('sixty at once, on a database that is far away, are all served', async () => {
    proxy.delayReplies(20);
    const answers = await Promise.all(Array.from({ length: 60 }, make));
    await proxy.restore();
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  }, 30_000);

  it('a row that is held for a second and a half refuses nobody, and keeps no other organization waiting', async () => {
    const made = await latchkey.admin.post('/api/v2/organizations', { name: 'Other' });
    const other = latchkey.as(made.body.identity.credentials.token as string);
    const path = `/api/v1/identities/${token.identityId}`;
    const client = new Client({ connectionString: process.env.LATCHKEY_TEST_DATABASE });
    await client.connect();
    await client.query('BEGIN');
    const lock = 'SELECT FROM latchkey.organization_memberships WHERE identity_id = $1 FOR UPDATE';
    await client.query(lock, [token.identityId]);
    const waiting = Promise.all(Array.from({ length: 15 }, () => latchkey.admin.patch(path, { name: 'held' })));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const otherId = made.body.identity.id as string;
    const elsewhere = await other.get(`/api/v1/identities/${otherId}`);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await client.query('ROLLBACK');
    await client.end();
    expect(elsewhere.status).toBe(200);
    expect((await waiting).map(({ status }) => status)).toEqual(Array(15).fill(200));
  }, 30_000);
});
