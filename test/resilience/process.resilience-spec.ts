import { once } from 'node:events';
import * as net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, D, good, type Token } from './support/cluster';
import type { LatchkeyNode } from './support/node';
import { isGone, signal, until } from './support/processes';

jest.setTimeout(180_000);

/** Beyond what a node is given to end in: the machine may be busy. */
const ENDS_WITHIN = 15_000;
const QUIETLY = { LATCHKEY_SHUTDOWN_TIMEOUT_MS: '6000' };

let cluster: Cluster;
let node: LatchkeyNode;
beforeAll(async () => {
  // Nothing of it is in the way of what is tested, and its notification queue is soon full.
  cluster = await Cluster.start({ nodes: 2, settings: { max_notify_queue_pages: '64' }, isEmbedded: true });
  node = cluster.node(0);
});
afterAll(() => cluster.stop());

/** A node of its own, ended with the test. */
async function apart(work: (own: LatchkeyNode) => Promise<void>, options: Parameters<Cluster['add']>[0] = {}) {
  const own = await cluster.add(options);
  try {
    await work(own);
  } finally {
    cluster.nodes.splice(cluster.nodes.indexOf(own), 1);
    await own.stop();
  }
}

/** Each of them a line of the log. */
async function refuse(own: LatchkeyNode, times: number): Promise<void> {
  for (let asked = 0; asked < times; asked += 100) {
    await Promise.all(Array.from({ length: 100 }, () => own.use('no-token')));
  }
}

async function connect(own: LatchkeyNode, text = ''): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(own.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return socket;
}

const ended = (own: LatchkeyNode, what: string, limitMs = ENDS_WITHIN) => until(() => isGone(own.pid), what, limitMs);

describe('a process that is less careful than expected', () => {
  // Seen red: a debugger listened, to which every account of the machine could connect, and a broken-off request was an outage.
  it('opens no debugger by a signal that programs send which rotate logs, and is no outage when it breaks off a request', async () => {
    await apart(async (own) => {
      signal(own.pid, 'SIGUSR1');
      await until(() => /signal\.ignored|Debugger listening/.test(own.output), 'the signal is noticed');
      expect(own.output).not.toContain('Debugger');
      const head = 'POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
      const socket = await connect(own, `${head}Content-Length: 99\r\n\r\n{`);
      await pause(50);
      socket.destroy();
      await pause(50);
      good(await own.use(cluster.admin));
      expect(own.output).not.toContain('database_unavailable');
    });
  });
});

describe('the log stops nothing', () => {
  const env = { LATCHKEY_LOG_LEVEL: 'debug' };

  // Seen red: the process ended with EPIPE.
  it('its reader goes away: requests are answered as before', async () => {
    await apart(
      async (own) => {
        own.reader.stopListening();
        await refuse(own, 500);
        good(await own.use(cluster.admin));
        expect(await own.terminate()).toBe(0);
      },
      { env },
    );
  });

  // Seen red: the lines that were not read filled the memory.
  it('its reader stops reading: the rest is dropped and counted, and said when it reads on', async () => {
    await apart(
      async (own) => {
        own.reader.stopReading();
        await refuse(own, 15_000);
        good(await own.use(cluster.admin));
        own.reader.readOn();
        await until(async () => {
          await refuse(own, 100);
          return /"event":"log\.lines_dropped","lines":\d{3}/.test(own.output);
        }, 'the number of lines that were dropped');
        // No line of it is torn.
        const lines = own.output.split('\n').filter((line) => line.startsWith('{'));
        for (const line of lines.slice(0, -1)) expect(() => JSON.parse(line) as unknown).not.toThrow();
      },
      { env },
    );
  });

  // Seen red: the process ended with ENOSPC.
  it.each(['>/dev/full', '2>/dev/full', '>/dev/full 2>&1', '>&- 2>&-'])('it goes to %s: as before', async (to) => {
    await apart(
      async (own) => {
        await refuse(own, 200);
        good(await own.use(cluster.admin));
        expect(await own.terminate()).toBe(0);
      },
      { env, prelude: `exec ${to}` },
    );
  });
});

describe('push stops nothing', () => {
  // Seen red: every revocation was 500.
  it("PostgreSQL's queue of notifications is full: revocations are made, and known everywhere within the bound", async () => {
    const tokens = await Promise.all(Array.from({ length: 5 }, () => cluster.token()));
    for (const token of tokens) await cluster.warm(token);
    const idle = await cluster.postgres.connect();
    await idle.query('LISTEN somebody');
    await idle.query('BEGIN');
    await idle.query('SELECT 1');
    try {
      const fill = () =>
        cluster.postgres
          .sql("SELECT pg_notify('somebody', repeat('x', 7000) || n) FROM generate_series(1, 200) n")
          .then(
            () => undefined,
            (error: Error) => /queue/.test(error.message),
          );
      await until(fill, 'the queue is full');
      for (const token of tokens) {
        good(await cluster.revoke(token));
        await pause(D);
        expect(await Promise.all(cluster.nodes.map(async (one) => (await one.use(token.jwt)).status))).toEqual([
          401, 401,
        ]);
      }
      expect((await cluster.token()).jwt).toBeDefined();
    } finally {
      await idle.end();
    }
  });

  it('a change by hand in SQL is known everywhere within the bound', async () => {
    const token = await cluster.token();
    await cluster.warm(token);
    await cluster.postgres.sql('UPDATE latchkey.identity_access_tokens SET revoked_at = now() WHERE id = $1', [
      token.tokenId,
    ]);
    await pause(D);
    for (const one of cluster.nodes) expect((await one.use(token.jwt)).status).toBe(401);
  });
});

describe('being asked to stop', () => {
  const uses = async (own: LatchkeyNode, token: Token, times: number) => {
    for (let used = 0; used < times; used += 1) good(await own.use(token.jwt));
  };

  // Seen red: SIGHUP and the like ended the process at once, with what it had not written.
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGALRM', 'SIGPWR', 'SIGXCPU'] as const)(
    '%s loses no use',
    async (name) => {
      const token = await cluster.token();
      await apart(
        async (own) => {
          await uses(own, token, 7);
          expect(await own.terminate(name)).toBe(0);
          expect(await cluster.usesOf(token)).toBe(7);
        },
        { env: { LATCHKEY_USAGE_FLUSH_INTERVAL_MS: '60000' } },
      );
    },
  );

  // Seen red: not ended after 45 s.
  it.each([
    ['nothing', ''],
    ['half a head', 'GET /api/status HTTP/1.1\r\nHost: x\r\n'],
    [
      'half a body',
      'POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
    ],
    ['one request and half another', 'GET /api/status HTTP/1.1\r\nHost: x\r\n\r\nGET /api/st'],
  ])('a connection with %s on it holds nothing up', async (_, text) => {
    await apart(async (own) => {
      await connect(own, text);
      await pause(100);
      expect(await own.terminate()).toBe(0);
      expect(own.output).not.toMatch(/stopped_by_force/);
    });
  });

  // Seen red: as long as the query, and the second signal changed nothing.
  it('asked twice, it is over in a moment, and uses are written all the same', async () => {
    const [token, locked] = [await cluster.token(), await cluster.token()];
    await apart(
      async (own) => {
        await uses(own, token, 5);
        await cluster.postgres.session(async (client) => {
          await client.query('BEGIN');
          await client.query('SELECT FROM latchkey.identity_access_tokens WHERE id = $1 FOR UPDATE', [locked.tokenId]);
          void cluster.revoke(locked, own).catch(() => undefined);
          await pause(300);
          signal(own.pid, 'SIGTERM');
          await pause(400);
          const askedAt = performance.now();
          void own.terminate();
          await ended(own, 'asked twice');
          expect(performance.now() - askedAt).toBeLessThan(5_000);
        });
        expect(await cluster.usesOf(token)).toBe(5);
      },
      {
        env: {
          LATCHKEY_USAGE_FLUSH_INTERVAL_MS: '60000',
          LATCHKEY_SHUTDOWN_TIMEOUT_MS: '60000',
          // It would wait that long for its load balancers.
          LATCHKEY_DRAIN_MS: '30000',
        },
      },
    );
  });

  // Seen red: not ended after 60 s.
  it('the database is frozen: it ends in the time it is given', async () => {
    await apart(
      async (own) => {
        cluster.postgres.freeze();
        const code = own.terminate();
        try {
          await ended(own, 'a node without an answer');
        } finally {
          cluster.postgres.thaw();
        }
        expect(await code).toBe(0);
      },
      { env: QUIETLY },
    );
  });

  it('the way to the database is a black hole: it ends in the time it is given', async () => {
    await apart(
      async (own) => {
        own.queries.stall();
        own.push.stall();
        void own.terminate();
        await ended(own, 'a node without an answer');
      },
      { env: QUIETLY },
    );
  });
});

describe('strangers who hold connections', () => {
  // Seen red: EMFILE out of a timer ended the process.
  it.each([
    ['silent', ''],
    [
      'that never finish asking',
      'POST /api/v1/auth/universal-auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
    ],
    ['that do not read', 'GET /api/docs/json HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('more of them than descriptors, %s: everybody else is answered', async (_, text) => {
    await apart(
      async (own) => {
        const sockets: net.Socket[] = [];
        for (let count = 0; count < 400; count += 1) {
          const socket = await connect(own, text);
          socket.pause();
          sockets.push(socket);
        }
        const token = await cluster.token();
        await until(async () => (await own.use(token.jwt)).status === 200, 'an answer', 10_000);
        good(await cluster.revoke(token, own));
        expect(own.output).not.toMatch(/EMFILE|uncaught/);
        sockets.forEach((socket) => socket.destroy());
        expect(await own.terminate()).toBe(0);
      },
      { prelude: 'ulimit -n 256' },
    );
  });
});

it('both nodes have survived all of it', () => {
  for (const one of [node, cluster.node(1)]) expect(isGone(one.pid)).toBe(false);
});
