import * as plainHttp from 'node:http';
import type { AddressInfo } from 'node:net';
import * as tls from 'node:tls';
import { networkInterfaces } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { TestAuthority } from '../../../test/support/certificates';
import { HttpsPeer } from '../../../test/support/https-peer';
import { withoutTlsChecks } from '../../../test/support/without-tls-checks';
import { FairQueue } from '../../database/connections/fair-queue';
import { IpNetwork } from './ip-network';
import { OutboundHttp, type OutboundQueue, type OutboundRequest, type OutboundSettings } from './outbound-http';
import type { OutboundError } from './outbound.errors';

const LOOPBACK = [IpNetwork.parse('127.0.0.0/8')!];
const MAX_BYTES = 10_000;

const peers: HttpsPeer[] = [];
const start = async (options?: Parameters<typeof HttpsPeer.start>[0]): Promise<HttpsPeer> => {
  const peer = await HttpsPeer.start(options);
  peers.push(peer);
  return peer;
};
afterEach(() => Promise.all(peers.splice(0).map((peer) => peer.stop())));

const http = (settings: Partial<OutboundSettings> = {}) =>
  new OutboundHttp({ allow: LOOPBACK, timeoutMs: 20_000, ...settings });
const request = (peer: HttpsPeer, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  url: `${peer.url}/path`,
  ca: peer.authority.cert,
  maxBytes: MAX_BYTES,
  ...more,
});
const fault = (name: string) => expect.objectContaining({ fault: name }) as Error;

describe('an outbound request', () => {
  it('answers status, headers and body, whatever the status', async () => {
    const peer = await start();
    peer.answerJson({ found: 'nothing' }, { 'cache-control': 'max-age=7' }, 404);
    const answer = await http().send(request(peer));
    expect(answer.status).toBe(404);
    expect(answer.headers['cache-control']).toBe('max-age=7');
    expect(JSON.parse(answer.body.toString())).toEqual({ found: 'nothing' });
    expect(peer.asked).toEqual(['GET /path']);
  });

  it('sends a body and headers', async () => {
    const peer = await start();
    peer.answer = (asked, response) => {
      response.writeHead(201, { 'x-said': asked.headers.authorization });
      asked.pipe(response);
    };
    const sent = { body: '{"kind":"TokenReview"}', headers: { authorization: 'Bearer x' } };
    const { status, headers, body } = await http().send(request(peer, sent));
    expect([status, headers['x-said'], body.toString()]).toEqual([201, 'Bearer x', '{"kind":"TokenReview"}']);
    expect(peer.asked).toEqual(['POST /path']);
  });

  it.each(['http://127.0.0.1', 'ftp://127.0.0.1', 'https://user@127.0.0.1', 'https://:pass@127.0.0.1', 'peer', ''])(
    'goes to no other URL than https without credentials: %j',
    async (url) => {
      await expect(http().send({ url, maxBytes: 1 })).rejects.toEqual(fault('url_refused'));
    },
  );

  it.each([0, 22, 25, 80, 444, 853, 1023, 5432, 6379])('does not go to port %s', async (port) => {
    await expect(http().send({ url: `https://127.0.0.1:${port}`, maxBytes: 1 })).rejects.toEqual(fault('url_refused'));
  });
});

describe('the addresses of an outbound request', () => {
  const peerNamed = (resolve: OutboundSettings['resolve'], allow = LOOPBACK) => http({ resolve, allow });
  const named = (peer: HttpsPeer, host = 'peer.test') => request(peer, { url: `https://${host}:${peer.port}/path` });

  it('are resolved once: a name that means another host a moment later is not asked again', async () => {
    const peer = await start();
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    let asked = 0;
    const flipping = peerNamed(() => Promise.resolve(answers[asked++]!));
    expect((await flipping.send(named(peer))).status).toBe(200);
    expect(asked).toBe(1);
    await expect(flipping.send(named(peer))).rejects.toEqual(fault('address_refused'));
    expect(peer.connections).toBe(1);
  });

  it('are all checked: one that is private among public ones is one too many', async () => {
    const peer = await start();
    const mixed = peerNamed(() => Promise.resolve(['203.0.114.7', '127.0.0.1']), []);
    await expect(mixed.send(named(peer))).rejects.toEqual(fault('address_refused'));
    expect(peer.connections).toBe(0);
  });

  it('are tried in turn, and no others: one that does not answer is passed over', async () => {
    const peer = await start();
    const two = peerNamed(() => Promise.resolve(['127.0.0.9', '127.0.0.1']));
    expect((await two.send(named(peer))).status).toBe(200);
  });

  it.each([
    ...['https://127.0.0.1:8443', 'https://localhost:8443', 'https://[::1]:8443', 'https://2130706433:8443'],
    ...['https://0x7f.1:8443', 'https://10.0.0.1', 'https://192.168.1.1', 'https://172.16.0.1', 'https://100.64.0.1'],
    ...['https://[::ffff:10.0.0.1]', 'https://[64:ff9b::10.0.0.1]', 'https://[2002:a00:1::1]', 'https://[::a00:1]'],
    ...['https://[fc00::1]', 'https://[fec0::1]', 'https://192.0.2.1', 'https://198.18.0.1', 'https://240.0.0.1'],
    ...['https://[2001:db8::1]', 'https://[2001::1]', 'https://[100::1]', 'https://[64:ff9b:1::808:808]'],
    ...['https://[fd12:3456::1]', 'https://[::ffff:0:808:808]', 'https://[::7f00:1]', 'https://[2002:7f00:1::]'],
  ])('that are not public are refused unless the operator allows them: %s', async (url) => {
    const strict = http({ allow: [], resolve: () => Promise.resolve(['127.0.0.1']) });
    await expect(strict.send({ url, maxBytes: 1 })).rejects.toEqual(fault('address_refused'));
    await expect(strict.requireAllowed(url)).rejects.toEqual(fault('address_refused'));
  });

  it.each([
    ...['https://169.254.169.254', 'https://169.254.170.2', 'https://[fd00:ec2::254]', 'https://[fe80::1]'],
    ...['https://100.100.100.200', 'https://192.0.0.192', 'https://168.63.129.16', 'https://[fd20:ce::254]'],
    ...['https://[::ffff:169.254.169.254]', 'https://[64:ff9b::a9fe:a9fe]', 'https://[2002:a9fe:a9fe::]'],
    ...['https://[64:ff9b:1::a9fe:a9fe]', 'https://[64:ff9b:1:7::a9fe:a9fe]', 'https://[::ffff:0:a9fe:a9fe]'],
    ...['https://0.0.0.0', 'https://[::]', 'https://224.0.0.1', 'https://[ff02::1]', 'https://255.255.255.255'],
  ])('of metadata services, and those of no host, are refused though everything is allowed: %s', async (url) => {
    const allow = ['0.0.0.0/0', '::/0'].map((text) => IpNetwork.parse(text)!);
    await expect(http({ allow }).requireAllowed(url)).rejects.toEqual(fault('address_refused'));
    await expect(http({ allow }).send({ url, maxBytes: 1 })).rejects.toEqual(fault('address_refused'));
  });

  it.each(['https://8.8.8.8', 'https://[2606:4700::1]', 'https://[64:ff9b::808:808]', 'https://[::ffff:8.8.8.8]:8443'])(
    'that are public may be asked: %s',
    async (url) => {
      await expect(http({ allow: [] }).requireAllowed(url)).resolves.toBeUndefined();
    },
  );

  it('are not looked at by the thousand', async () => {
    const peer = await start();
    const many = peerNamed(() =>
      Promise.resolve(['127.0.0.1', ...Array<string>(5_000).fill('10.0.0.1')].slice(0, 5_001)),
    );
    await expect(many.send(named(peer))).rejects.toEqual(fault('address_refused'));
    const late = peerNamed(() => Promise.resolve([...Array<string>(16).fill('127.0.0.1'), '10.0.0.1']));
    expect((await late.send(named(peer))).status).toBe(200);
  });

  it('need not exist when a configuration is written, but when it is used', async () => {
    const unknown = peerNamed(() => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })));
    await expect(unknown.requireAllowed('https://peer.test')).resolves.toBeUndefined();
    const refusal = { fault: 'unresolved', code: 'ENOTFOUND' };
    await expect(unknown.send({ url: 'https://peer.test', maxBytes: 1 })).rejects.toMatchObject(refusal);
  });

  it('are resolved once for all who ask at the same moment', async () => {
    const peer = await start();
    let asked = 0;
    const slow = peerNamed(async () => {
      asked += 1;
      await pause(50);
      return ['127.0.0.1'];
    });
    await Promise.all(Array.from({ length: 8 }, () => slow.send(named(peer))));
    expect(asked).toBe(1);
  });

  it('of one name do not wait for other names, however many of those are not resolved', async () => {
    const peer = await start();
    const asked: AbortSignal[] = [];
    const partly = http({
      timeoutMs: 5_000,
      resolve: (name, signal) => {
        if (name === 'peer.test') return Promise.resolve(['127.0.0.1']);
        asked.push(signal);
        return new Promise(() => undefined);
      },
    });
    const outcomes = Promise.allSettled(
      Array.from({ length: 300 }, (_, n) => partly.requireAllowed(`https://x${n}.test`)),
    );
    expect((await partly.send(named(peer))).status).toBe(200);
    await outcomes;
    while (!asked.every(({ aborted }) => aborted)) await pause(5);
  });
});

describe('a service of our own', () => {
  const everything = ['0.0.0.0/0', '::/0'].map((text) => IpNetwork.parse(text)!);
  const resolve = (name: string) => Promise.resolve([name === 'database.test' ? '10.0.0.5' : '127.0.0.1']);
  const beside = (host: string) => http({ allow: everything, own: [{ host, port: 6543 }], resolve });
  const [local] = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ family }) => family === 'IPv4');

  it.each([
    ...[
      ['database.test', 'https://database.test:6543'],
      ['database.test', 'https://10.0.0.5:6543'],
    ],
    ...[
      ['Database.Test', 'https://[::ffff:10.0.0.5]:6543'],
      ['10.0.0.5', 'https://[64:ff9b::10.0.0.5]:6543'],
    ],
    ...[
      ['10.0.0.5', 'https://database.test:6543'],
      ['localhost', 'https://127.0.0.2:6543'],
    ],
    ...[
      ['/run/postgresql', 'https://[::1]:6543'],
      ['/run/postgresql', 'https://elsewhere.test:6543'],
    ],
    ['127.0.0.1', `https://${local!.address}:6543`],
  ])('is reached by no name and no address, though everything is allowed: %s by %s', async (host, url) => {
    await expect(beside(host).requireAllowed(url)).rejects.toEqual(fault('address_refused'));
    await expect(beside(host).send({ url, maxBytes: 1 })).rejects.toEqual(fault('address_refused'));
  });

  it.each([
    ['10.0.0.5', 'https://10.0.0.5:6544'],
    ['10.0.0.5', 'https://10.0.0.6:6543'],
    ['/run/postgresql', 'https://10.0.0.6:6543'],
  ])('is no reason to refuse another: %s and %s', async (host, url) => {
    await expect(beside(host).requireAllowed(url)).resolves.toBeUndefined();
  });

  it('whose own name is not resolved is taken for none of its neighbours', async () => {
    const blind = http({
      ...{ allow: everything, own: [{ host: 'database.test', port: 6543 }] },
      resolve: () => Promise.reject(new Error('no')),
    });
    await expect(blind.send({ url: 'https://10.0.0.6:6543', maxBytes: 1 })).rejects.toEqual(fault('unresolved'));
  });
});

describe('the TLS of an outbound request', () => {
  it('trusts the authority that was given, and then no other', async () => {
    const peer = await start();
    const refusal = fault('certificate_refused');
    await expect(http().send(request(peer, { ca: new TestAuthority().cert }))).rejects.toEqual(refusal);
    await expect(http().send(request(peer, { ca: undefined }))).rejects.toEqual(refusal);
    expect(peer.asked).toEqual([]);
  });

  it('is verified, whatever the environment of the process says', async () => {
    const peer = await start();
    await withoutTlsChecks(async () => {
      const sent = http().send(request(peer, { ca: undefined }));
      await expect(sent).rejects.toEqual(fault('certificate_refused'));
    });
    expect(peer.asked).toEqual([]);
  });

  it('refuses a certificate of another name, and one that has expired', async () => {
    const [other, expired] = [
      await start({ hosts: ['other.test'] }),
      await start({ until: new Date(Date.now() - 1_000) }),
    ];
    for (const peer of [other, expired]) {
      await expect(http().send(request(peer))).rejects.toEqual(fault('certificate_refused'));
      expect(peer.asked).toEqual([]);
    }
  });
});

describe('a server that has greeted', () => {
  // Seen red: it had the process compute greetings for as long as the request could take.
  it('is not greeted again, however often it asks for that', async () => {
    const issuer = new TestAuthority();
    let greetings = 0;
    const server = tls.createServer({ ...issuer.issue(['127.0.0.1']), maxVersion: 'TLSv1.2' }, (socket) => {
      const again = () =>
        socket.renegotiate({ requestCert: false, rejectUnauthorized: false }, (error) => {
          greetings += error ? 0 : 1;
          if (!error) setImmediate(again);
        });
      socket.on('error', () => undefined);
      again();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const sent = http({ timeoutMs: 500 }).send({ url: `https://127.0.0.1:${port}`, ca: issuer.cert, maxBytes: 1 });
    await expect(sent).rejects.toMatchObject({ code: expect.stringMatching(/ALERT_HANDSHAKE_FAILURE$/) as string });
    expect(greetings).toBe(0);
    server.close();
  });
});

describe('a request to a URL that the operator has set', () => {
  const EVERYWHERE = ['0.0.0.0/0', '::/0'].map((text) => IpNetwork.parse(text)!);
  const operators = (more: Partial<OutboundSettings> = {}) => http({ allow: EVERYWHERE, isOperators: true, ...more });

  it('may go without TLS, to a private address and to any port', async () => {
    const hosts: (string | undefined)[] = [];
    const server = plainHttp.createServer((asked, response) => {
      hosts.push(asked.headers.host);
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const headers = { host: 'sts.eu-west-1.amazonaws.com' };
      expect((await operators().send({ url, headers, maxBytes: 2 })).status).toBe(200);
      expect(hosts).toEqual([headers.host]);
      await expect(http().send({ url, maxBytes: 2 })).rejects.toEqual(fault('url_refused'));
    } finally {
      server.close();
    }
  });

  it.each(['http://169.254.169.254', 'https://[fd00:ec2::254]'])('reaches no metadata service: %s', async (url) => {
    await expect(operators().send({ url, maxBytes: 1 })).rejects.toEqual(fault('address_refused'));
  });

  it.each(['ftp://127.0.0.1', 'http://user@127.0.0.1', 'http://127.0.0.1/?x', 'peer'])(
    'is no other: %s',
    async (url) => {
      await expect(operators().send({ url, maxBytes: 1 })).rejects.toEqual(fault('url_refused'));
    },
  );

  it('trusts the certificate of the host in the URL, whatever host its header names', async () => {
    const resolve = () => Promise.resolve(['127.0.0.1']);
    const [right, wrong] = [await start({ hosts: ['peer.test'] }), await start({ hosts: ['sts.test'] })];
    const asking = (peer: HttpsPeer) =>
      operators({ resolve }).send(
        request(peer, { url: `https://peer.test:${peer.port}`, headers: { host: 'sts.test' } }),
      );
    expect((await asking(right)).status).toBe(200);
    await expect(asking(wrong)).rejects.toEqual(fault('certificate_refused'));
  });
});

describe('what an outbound request is answered', () => {
  it.each([301, 302, 303, 307, 308])('is not followed elsewhere: %s', async (status) => {
    const peer = await start();
    peer.answer = (asked, response) =>
      void response.writeHead(asked.url === '/path' ? status : 200, { location: '/else' }).end('{}');
    await expect(http().send(request(peer))).rejects.toEqual(fault('redirected'));
    expect(peer.asked).toEqual(['GET /path']);
  });

  it('is as long as was said at most, announced or not', async () => {
    const peer = await start();
    for (const headers of [{ 'content-length': '10001' }, {}]) {
      peer.answer = (_, response) => void response.writeHead(200, headers).end('x'.repeat(MAX_BYTES + 1));
      await expect(http().send(request(peer))).rejects.toEqual(fault('too_large'));
    }
    peer.answer = (_, response) => void response.end('x'.repeat(MAX_BYTES));
    expect((await http().send(request(peer))).body).toHaveLength(MAX_BYTES);
  });

  it('is given up when it never ends, and not read on', async () => {
    const peer = await start();
    let open = true;
    peer.answer = (_, response) => {
      response.on('close', () => (open = false));
      const pour = () => open && response.write('x'.repeat(60_000), () => setImmediate(pour));
      pour();
    };
    await expect(http().send(request(peer))).rejects.toEqual(fault('too_large'));
    while (open) await pause(5);
  });

  it('is not inflated', async () => {
    const peer = await start();
    peer.answer = (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    await expect(http().send(request(peer))).rejects.toEqual(fault('encoded'));
  });

  it('is whole: a connection that breaks in the middle brings nothing', async () => {
    const peer = await start();
    peer.answer = (asked, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('x', () => asked.socket.destroy());
    };
    await expect(http().send(request(peer))).rejects.toEqual(fault('unreachable'));
  });
});

describe('the time of an outbound request', () => {
  const hasty = () => http({ timeoutMs: 300 });

  it('ends for a peer that accepts and says nothing, and for one that says a little now and then', async () => {
    const peer = await start();
    peer.answer = () => undefined;
    await expect(hasty().send(request(peer))).rejects.toEqual(fault('timed_out'));
    peer.answer = (_, response) => {
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    };
    await expect(hasty().send(request(peer))).rejects.toEqual(fault('timed_out'));
  });

  it('ends for a name that is not resolved', async () => {
    const mute = http({ timeoutMs: 100, resolve: () => new Promise(() => undefined) });
    await expect(mute.send({ url: 'https://peer.test', maxBytes: 1 })).rejects.toEqual(fault('timed_out'));
    await expect(mute.requireAllowed('https://peer.test')).resolves.toBeUndefined();
  });

  it('includes waiting for other requests to the same host, of which eight are sent at a time', async () => {
    const [dead, alive] = [await start(), await start()];
    dead.answer = () => undefined;
    const shared = http({ timeoutMs: 5_000 });
    const waiting = Array.from({ length: 40 }, () => shared.send(request(dead)));
    const outcomes = Promise.allSettled(waiting);
    // Another host is asked meanwhile as if nothing were.
    await Promise.all(Array.from({ length: 20 }, () => shared.send(request(alive))));
    expect(alive.mostAtOnce).toBeLessThanOrEqual(8);
    const faults = (await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason.fault as string);
    // Those that never got a slot say nothing about the host.
    expect(faults.toSorted()).toEqual([...Array<string>(32).fill('busy'), ...Array<string>(8).fill('timed_out')]);
    expect(dead.asked).toHaveLength(8);
    dead.answerJson({});
    expect((await shared.send(request(dead))).status).toBe(200);
  });

  it('is spent by each party for itself, also where they ask the same host', async () => {
    const peer = await start();
    peer.answer = ({ url }, response) => void (url === '/modest' && response.end('{}'));
    const shared = http({ timeoutMs: 5_000 });
    const greedy = Array.from({ length: 300 }, () => shared.send(request(peer, { party: 'greedy' })));
    const outcomes = Promise.allSettled(greedy);
    const modest = request(peer, { url: `${peer.url}/modest`, party: 'modest' });
    expect((await shared.send(modest)).status).toBe(200);
    peer.answer = (_, response) => void response.end('{}');
    await peer.stop();
    await outcomes;
  });

  it('is not spent by more than can wait: they are turned away at once', async () => {
    const peer = await start();
    peer.answer = () => undefined;
    const crowded = http();
    let turnedAway = 0;
    const sent = Array.from({ length: 300 }, () => crowded.send(request(peer)).catch(() => (turnedAway += 1)));
    while (turnedAway < 300 - 8 - 256 || peer.asked.length < 8) await new Promise(setImmediate);
    expect(turnedAway).toBe(300 - 8 - 256);
    await peer.stop();
    await Promise.all(sent);
  });

  // Seen red: each of the hosts had eight connections.
  it('is spent in the places of all parties, however many hosts one of them asks', async () => {
    const peer = await start({ hosts: ['127.0.0.1', '*.peer.test'] });
    peer.answer = () => undefined;
    const queue = new FairQueue({ all: 6, group: 4, member: 4 });
    const take: OutboundQueue['take'] = (group, waitMs) =>
      queue.take({ group, member: '', isCrowd: false }, waitMs, () => new Error('late'));
    const bounded = http({ timeoutMs: 4_000, resolve: () => Promise.resolve(['127.0.0.1']), queue: { take } });
    const faultOf = (sent: Promise<unknown>) => sent.catch((error: OutboundError) => error.fault);
    const named = (n: number) => request(peer, { url: `https://x${n}.peer.test:${peer.port}`, party: 'greedy' });
    const greedy = Promise.all(Array.from({ length: 40 }, (_, n) => faultOf(bounded.send(named(n)))));
    const modest = faultOf(bounded.send(request(peer, { party: 'modest' })));
    while (!peer.asked.includes('GET /path')) await new Promise(setImmediate);
    await Promise.all(Array.from({ length: 3 }, (_, n) => bounded.requireAllowed(named(n).url)));
    // Those that never get a place say nothing about their hosts.
    expect((await greedy).toSorted()).toEqual([
      ...Array<string>(36).fill('busy'),
      ...Array<string>(4).fill('timed_out'),
    ]);
    expect(await modest).toBe('timed_out');
    expect(peer.connections).toBe(5);
  });

  it('ends with a peer that wants to speak another protocol', async () => {
    const peer = await start();
    peer.answer = (_asked, response) =>
      response.socket!.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await expect(http().send(request(peer))).rejects.toEqual(fault('unreachable'));
  });

  it('ends with a peer that is down', async () => {
    const peer = await start();
    const sent = request(peer);
    await peer.stop();
    await expect(http().send(sent)).rejects.toMatchObject({ fault: 'unreachable', code: 'ECONNREFUSED' });
  });
});
