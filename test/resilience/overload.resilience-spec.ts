import { createHash, createHmac, randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, good, isLong, report, say, type Token } from './support/cluster';
import { keepAlive, type Reply } from './support/http';
import { hammer, type LatchkeyNode } from './support/node';
import { until } from './support/processes';

jest.setTimeout(isLong ? 600_000 : 120_000);

const LOOK_UP = 'FROM latchkey.token_state';
const REMEMBERED = 200;
const POOL = 4;
/** What a machine under load may add to a deadline. */
const NOISE = 250;

let cluster: Cluster;
let node: LatchkeyNode;
let sample: Token;
beforeAll(async () => {
  cluster = await Cluster.start({
    nodes: 1,
    env: { LATCHKEY_CACHE_ENTRIES: String(REMEMBERED) },
  });
  node = cluster.node(0);
  sample = await cluster.token();
});
afterAll(() => cluster.stop());
afterEach(() => node.queries.restore());

const statuses = (replies: Reply[]) => [...new Set(replies.map(({ status }) => status))].sort();
const took = (replies: Reply[]) => replies.map(({ startedAt, endedAt }) => endedAt - startedAt);
const at = (share: number, values: number[]) => values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;
const at99 = (values: number[]) => at(0.99, values);

/** Uses each token once, some at a time, and says how many look-ups that cost. */
async function useAll(jwts: string[], width = 40): Promise<{ replies: Reply[]; lookUps: number }> {
  const before = node.queries.count(LOOK_UP);
  const agent = keepAlive();
  const replies: Reply[] = [];
  let next = 0;
  const work = async () => {
    while (next < jwts.length) replies.push(await node.use(jwts[next++]!, { agent }));
  };
  await Promise.all(Array.from({ length: width }, work));
  agent.destroy();
  return { replies, lookUps: node.queries.count(LOOK_UP) - before };
}

const jwtsOf = (tokens: Token[]) => tokens.map(({ jwt }) => jwt);

/** Well made, and signed with a key that is not the server's. */
function forged(): string {
  const [header = '', payload = ''] = sample.jwt.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const id = randomUUID();
  const other = Buffer.from(JSON.stringify({ ...claims, jti: id, identityAccessTokenId: id })).toString('base64url');
  return `${header}.${other}.${createHmac('sha256', 'another key').update(other).digest('base64url')}`;
}

/** Resident memory, in MB. */
function memory(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${node.pid}/status`, 'latin1'))?.[1]) / 1024;
}

describe('P15: what is remembered is bounded', () => {
  // Seen red: garbage is looked up.
  it('garbage is asked of nobody, and leaves nothing behind', async () => {
    await useAll(Array.from({ length: 2_000 }, () => sample.jwt));
    const remembered = jwtsOf(await cluster.many(REMEMBERED / 2, sample));
    await useAll(remembered);
    const before = memory();
    const rubbish = (n: number) => createHash('sha512').update(String(n)).digest('base64url');
    const count = isLong ? 200_000 : 6_000;
    const { replies, lookUps } = await useAll(Array.from({ length: count }, (_, n) => (n % 3 ? forged() : rubbish(n))));
    const grown = memory() - before;
    say(`P15, ${count} pieces of garbage: ${grown.toFixed(0)} MB`);
    expect(statuses(replies)).toEqual([401]);
    expect(lookUps).toBe(0);
    expect(grown).toBeLessThan(150);
    // No room was made for it.
    expect((await useAll(remembered, 1)).lookUps).toBeLessThanOrEqual(REMEMBERED / 20);
  });

  // Seen red: no end to what is remembered.
  it('the tokens that came last are remembered, as many as it is told to, and no others', async () => {
    const tokens = jwtsOf(await cluster.many(3 * REMEMBERED, sample));
    expect(statuses((await useAll(tokens, 1)).replies)).toEqual([200]);
    // A moment in which the change feed is not confirmed costs a few.
    const few = REMEMBERED / 10;
    expect((await useAll(tokens.slice(-REMEMBERED + few), 1)).lookUps).toBeLessThanOrEqual(few);
    expect((await useAll(tokens.slice(0, REMEMBERED), 1)).lookUps).toBe(REMEMBERED);
  });

  // Seen red: nothing is remembered.
  it('a token that is in use stays remembered while a flood of others goes by', async () => {
    const flood = jwtsOf(await cluster.many(isLong ? 50_000 : 1_500, sample));
    const hot = jwtsOf(await cluster.many(20, sample));
    await useAll(hot);
    const mixed = flood.flatMap((jwt, n) => [jwt, hot[n % hot.length]!]);
    const { replies, lookUps } = await useAll(mixed);
    expect(statuses(replies)).toEqual([200]);
    const missed = lookUps - flood.length;
    say(`P15, tokens in use while ${flood.length} others are: ${missed} of ${flood.length} uses looked up`);
    expect(missed).toBeLessThanOrEqual(flood.length * 0.05);
  });
});

describe('P16: no request keeps the others waiting', () => {
  const KIB = 1024;
  const fill = (unit: string, size = 60 * KIB) => unit.repeat(Math.floor(size / unit.length));
  const keys = (make: (n: number) => string) => `{${Array.from({ length: 4_000 }, (_, n) => make(n)).join(',')}}`;
  const BOMBS: Record<string, string> = {
    'arrays in arrays': fill('['),
    'arrays in arrays, closed': fill('[', 30 * KIB) + fill(']', 30 * KIB),
    'objects in objects': fill('{"a":'),
    'a long array': `{"accessToken":[${fill('1,')}1]}`,
    'a long string': `{"accessToken":"${fill('a')}"}`,
    'a string of escapes': `{"accessToken":"${fill('\\u0000')}"}`,
    'a long number': `{"accessToken":${fill('9')}}`,
    'many keys': keys((n) => `"k${n}":1`),
    'keys that are numbers': keys((n) => `"${n * 65_536}":1`),
    'one key many times': keys(() => '"accessToken":1'),
    prototypes: keys(() => '"__proto__":{"a":1}'),
    'white space': fill(' '),
  };
  const TOKENS: Record<string, string> = {
    dots: fill('.', 12 * KIB),
    parts: fill('a.', 12 * KIB),
    'a header of arrays': `${Buffer.from(fill('[', 3 * KIB)).toString('base64url')}.e30.a`,
    'slashes and dots': fill('/..', 12 * KIB),
    'letters, and no letter at the end': `${fill('a', 4_000)}!`,
    spaces: `${fill(' ', 12 * KIB)}a`,
  };

  // Seen red: an expression that goes back, for the shape of a token.
  it('of 64 KiB at most, whatever is in it; a larger one is refused', async () => {
    const load = hammer(node, sample.jwt, 0);
    const replies: Reply[] = [];
    for (let round = 0; round < (isLong ? 20 : 2); round += 1) {
      for (const text of Object.values(BOMBS)) {
        for (const route of [
          '/api/v1/auth/token/renew',
          '/api/v1/auth/universal-auth/login',
          '/api/v1/identities/search',
        ]) {
          replies.push(await node.call(route, { method: 'POST', text, token: cluster.admin }));
        }
      }
      for (const token of Object.values(TOKENS)) replies.push(await node.use(token));
    }
    const meanwhile = await load.stop();
    expect(statuses(replies).filter((status) => ![200, 400, 401, 422].includes(status))).toEqual([]);
    const large = await node.call('/api/v1/auth/token/renew', {
      method: 'POST',
      body: { accessToken: fill('a', 200 * KIB) },
    });
    expect(large.status).toBe(413);
    expect(statuses(meanwhile)).toEqual([200]);
    report('P16, a request among those that are meant to take long', took(meanwhile));
    expect(at(0.9, took(meanwhile))).toBeLessThan(50);
    expect(Math.max(...took(meanwhile))).toBeLessThan(50 + NOISE);
  });

  // Seen red: connections counted, whether anything is asked on them or not.
  it('nor does a thousand connections that never finish asking', async () => {
    const { hostname, port } = new URL(node.url);
    const sockets = await Promise.all(
      Array.from(
        { length: 1_000 },
        () =>
          new Promise<net.Socket>((resolve, reject) => {
            const socket = net.connect(Number(port), hostname, () => resolve(socket));
            socket.on('error', reject).write('POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: a\r\nContent-Le');
          }),
      ),
    );
    const load = hammer(node, sample.jwt, 0);
    await pause(500);
    const replies = await load.stop();
    for (const socket of sockets) socket.on('error', () => undefined).destroy();
    expect(statuses(replies)).toEqual([200]);
    expect(at(0.9, took(replies))).toBeLessThan(50);
  });
});

describe('P16: no answer keeps the others waiting', () => {
  let organizationId = '';
  beforeAll(async () => {
    const { body } = good(await node.call('/api/v1/identities/details', { token: cluster.admin }));
    organizationId = body.identityDetails.organization.id as string;
    await cluster.postgres.sql(IDENTITIES, [organizationId, 20_000]);
    await cluster.postgres.sql('ANALYZE latchkey.identities, latchkey.organization_memberships');
  });

  /** Asks for the same without end, on some connections, while others use a token. */
  async function among(what: string, ask: () => Promise<unknown>, width = 8): Promise<Reply[]> {
    const load = hammer(node, sample.jwt, 0);
    let isOver = false;
    const again = async () => {
      while (!isOver) await ask();
    };
    const asking = Promise.all(Array.from({ length: width }, again));
    await pause(isLong ? 20_000 : 3_000);
    isOver = true;
    await asking;
    const replies = await load.stop();
    report(`P16, a request among ${what}`, took(replies));
    return replies;
  }

  const held = (replies: Reply[]) => {
    expect(statuses(replies)).toEqual([200]);
    expect(at(0.9, took(replies))).toBeLessThan(50);
    expect(Math.max(...took(replies))).toBeLessThan(300 + NOISE);
  };

  // Seen red: documents are made on every request.
  it('of those who read the API documentation without end', async () => {
    held(await among('readers of the documentation', () => node.call('/api/docs/yaml')));
  });

  // Seen red: a long list is one answer.
  it('of those who ask for twenty thousand identities at once', async () => {
    const path = `/api/v2/organizations/${organizationId}/identity-memberships?limit=20000`;
    const before = memory();
    held(await among('long lists', () => node.call(path, { token: cluster.admin })));
    expect(memory() - before).toBeLessThan(250);
  });

  // Seen red: searches take any connection there is.
  it('nor is a revocation kept waiting by sixty searches', async () => {
    const $or = Array.from({ length: 20 }, (_, n) => ({ name: { $contains: `none ${n}` }, role: 'member' }));
    const search = { method: 'POST', body: { search: { $or } }, token: cluster.admin };
    const tokens = await Promise.all(Array.from({ length: 5 }, () => cluster.token()));
    let isOver = false;
    const again = async () => {
      while (!isOver) await node.call('/api/v1/identities/search', search);
    };
    const asking = Promise.all(Array.from({ length: 60 }, again));
    await pause(500);
    const revoked: Reply[] = [];
    for (const { tokenId } of tokens) {
      const path = `/api/v1/auth/token-auth/tokens/${tokenId}/revoke`;
      revoked.push(await node.call(path, { method: 'POST', token: cluster.admin }));
    }
    isOver = true;
    await asking;
    report('P16, a revocation among sixty searches', took(revoked));
    expect(statuses(revoked)).toEqual([200]);
  });
});

const IDENTITIES = `
  WITH made AS (
    INSERT INTO latchkey.identities (organization_id, name)
    SELECT $1, repeat(md5(n::text), 7) FROM generate_series(1, $2::int) n RETURNING id
  )
  INSERT INTO latchkey.organization_memberships (organization_id, identity_id, role) SELECT $1, id, 'member' FROM made`;

describe('P17: three times as much as it can do', () => {
  // Seen red: no limit to how long a connection is waited for.
  it('whoever is let in is answered within a second, the rest at once, and it is over as soon as it is over', async () => {
    const tokens = jwtsOf(await cluster.many(6_000, sample));
    const take = (count: number) => tokens.splice(0, count);
    // A database that is far away: what it can do is known, and is no matter of this machine.
    node.queries.delayReplies(20);
    const begun = performance.now();
    const calm = await useAll(take(400), POOL);
    const capacity = (calm.replies.length * 1_000) / (performance.now() - begun);
    expect(statuses(calm.replies)).toEqual([200]);

    const agent = keepAlive();
    const pending: Promise<Reply>[] = [];
    const connections: number[] = [];
    const startedAt = performance.now();
    const lastsMs = 3_000;
    for (let elapsed = 0; elapsed < lastsMs; elapsed = performance.now() - startedAt) {
      const due = Math.floor((elapsed * 3 * capacity) / 1_000) - pending.length;
      for (const jwt of take(due)) pending.push(node.use(jwt, { agent }));
      if (connections.length * 500 < elapsed) connections.push(await gateConnections());
      await pause(5);
    }
    const replies = await Promise.all(pending);
    const overAt = performance.now();
    const served = replies.filter(({ status }) => status === 200);
    const refused = replies.filter(({ status }) => status === 503);
    say(
      `P17: ${capacity.toFixed(0)} a second can be served; of ${replies.length} in ${lastsMs / 1_000} s ${served.length} were`,
    );
    report('P17, served', took(served));
    report('P17, turned away', took(refused));
    expect(served.length + refused.length).toBe(replies.length);
    expect(refused.filter(({ headers }) => !/^[1-9]\d*$/.test(headers['retry-after'] ?? ''))).toEqual([]);
    // What it can do, it does.
    expect(served.length).toBeGreaterThan((capacity * lastsMs) / 1_000 / 2);
    expect(at99(took(served))).toBeLessThan(1_000 + NOISE);
    expect(at99(took(refused))).toBeLessThan(1_000 + NOISE);
    expect(Math.max(...connections)).toBeLessThanOrEqual(POOL);

    await until(async () => statuses((await useAll(take(20), POOL)).replies).join() === '200', 'back to normal', 5_000);
    say(`P17: back to normal ${(performance.now() - overAt).toFixed(0)} ms after the last answer`);
    agent.destroy();
  });

  async function gateConnections(): Promise<number> {
    const [row] = await cluster.postgres.sql<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'latchkey gate'",
    );
    return row!.n;
  }
});

describe('P17b: what takes rights away finds a way through', () => {
  // Seen red: one pool for all.
  it('though a caller has as many searches under way as it can, none of which ends', async () => {
    const { admin } = cluster;
    const [bare, revoked, deleted, demoted, detached] = await Promise.all(
      Array.from({ length: 5 }, () => cluster.token()),
    );
    const secret = await cluster.login();
    const agent = keepAlive();
    const held = node.queries.holdReplyTo('needle-in-a-haystack');
    const body = { search: { name: { $contains: 'needle-in-a-haystack' } } };
    const searches = Array.from({ length: 60 }, () =>
      node.call('/api/v1/identities/search', { method: 'POST', token: admin, body, agent }),
    );
    await held.caught;
    await pause(300);
    const ways: [string, string, object?][] = [
      ['POST', '/api/v1/auth/token/revoke', { accessToken: bare!.jwt }],
      ['POST', `/api/v1/auth/token-auth/tokens/${revoked!.tokenId}/revoke`],
      ['DELETE', `/api/v1/identities/${deleted!.identityId}`],
      ['PATCH', `/api/v1/identities/${demoted!.identityId}`, { role: 'no-access' }],
      ['DELETE', `/api/v1/auth/token-auth/identities/${detached!.identityId}`],
      [
        'POST',
        `/api/v1/auth/universal-auth/identities/${secret.identityId}/client-secrets/${secret.clientSecretId}/revoke`,
      ],
    ];
    const replies = await Promise.all(
      ways.map(([method, path, sent]) => node.call(path, { method, token: admin, ...(sent && { body: sent }) })),
    );
    held.release();
    await Promise.all(searches);
    agent.destroy();
    expect(statuses(replies)).toEqual([200]);
    report('P17b, taking rights away while sixty searches hang', took(replies));
    for (const { jwt } of [bare!, revoked!, deleted!, detached!, secret])
      expect((await node.use(jwt)).status).toBe(401);
  });
});

describe('P23: one token never gets the result of another', () => {
  // Seen red: what is remembered is found by the signature alone, and not compared whole.
  it('whatever comes close to a remembered token is refused, and changes nothing for the token itself', async () => {
    const [mine, other] = [await cluster.token(), await cluster.token()];
    await useAll([mine.jwt, other.jwt]);

    const { replies } = await useAll(closeTo(mine.jwt, other.jwt));

    expect(statuses(replies)).toEqual([401]);
    expect(statuses((await useAll([mine.jwt, other.jwt])).replies)).toEqual([200]);
  });

  /** Thousands of texts that differ from a token in letters, case, length, or the end of another token. */
  function closeTo(jwt: string, other: string): string[] {
    const positions = Array.from(jwt, (_, index) => index);
    const flipped = positions.flatMap((index) => {
      const [before, letter, after] = [jwt.slice(0, index), jwt[index]!, jwt.slice(index + 1)];
      const otherCase = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
      return [before + otherCase + after, before + (letter === 'A' ? 'B' : 'A') + after, before + after];
    });
    const mixed = positions.map((index) => jwt.slice(0, index) + other.slice(index));
    const framed = [
      `${jwt}=`,
      `${jwt}.`,
      `${jwt}%00`,
      `"${jwt}"`,
      jwt.toLowerCase(),
      jwt.toUpperCase(),
      `${jwt}/..`,
      jwt + jwt,
    ];
    return [...flipped, ...mixed, ...framed].filter((text) => text !== jwt && text !== other);
  }
});
