import { ObservationQueue } from '../src/changes/observation.queue';
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { hostNames } from '../src/common/net/host-names';
import type { Answer } from './support/api-client';
import { TestAuthority } from './support/certificates';
import { DnsPeer } from './support/dns-peer';
import { done } from './support/given';
import { HttpsPeer } from './support/https-peer';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { METHODS } from './support/methods';
import type { Place, Upstream, Wanted, Workload } from './support/methods/conformance';
import type { MethodFixture } from './support/methods/method-fixture';

// What every method to log in with must do, over real sockets. A method gets in by its fixture alone: `conformance` of
// MethodFixture (test/support/methods/conformance.ts), which is listed in METHODS. This suite starts the upstream's server for it,
// and has that server fail in every way; the fixture says how it answers when all is well, makes workloads, and names refusals.
// Each case runs over all methods at the same moment, so that what waits for a time-out is waited for once.

const COOLDOWN_MS = 200;
const DETAILS = '/api/v1/identities/details';
const UNKNOWN = '7b0e4a52-9c1d-4f3e-8a6b-2d5c1e0f9a34';

/** A method, and the server of its upstream. */
interface Subject {
  readonly fixture: MethodFixture;
  readonly peer: HttpsPeer;
  readonly place: Place;
}

type UpstreamSubject = Subject & { readonly upstream: Upstream };

let latchkey: TestLatchkey;
let dns: DnsPeer;
let subjects: Subject[];

beforeAll(async () => {
  dns = await DnsPeer.start();
  subjects = await Promise.all(METHODS.map(subjectOf));
  const operated = subjects.map(({ fixture, place }) => fixture.conformance.upstream?.options?.(place.url) ?? {});
  const options = { outboundAllow: ['127.0.0.1/32'], outboundTimeoutMs: 3_000, keySetCooldownMs: COOLDOWN_MS };
  const resolve = hostNames({ servers: [dns.address], hostsFile: '/nonexistent', resolverFile: '/nonexistent' });
  latchkey = await startLatchkey(Object.assign({}, options, ...operated) as typeof options, { resolve });
});
afterEach(() => subjects.forEach(mend));
afterAll(async () => {
  await latchkey.stop();
  await Promise.all([...subjects.map(({ peer }) => peer.stop()), dns.stop()]);
});

async function subjectOf(fixture: MethodFixture): Promise<Subject> {
  const peer = await HttpsPeer.start({ isPlain: fixture.conformance.upstream?.options !== undefined });
  const subject = { fixture, peer, place: { url: peer.url, ca: peer.isPlain ? '' : peer.authority.cert.trim() } };
  mend(subject);
  return subject;
}

/** Has the upstream do as it should again. */
function mend({ fixture, peer }: Subject): void {
  const { upstream } = fixture.conformance;
  if (upstream) peer.answer = upstream.answer;
  peer.isDown = false;
  peer.present();
}

const slugOf = ({ fixture }: Subject) => fixture.definition.slug;
const upstreams = () =>
  subjects.flatMap((subject): UpstreamSubject[] => {
    const { upstream } = subject.fixture.conformance;
    return upstream ? [{ ...subject, upstream }] : [];
  });

/** What comes of each method, by its name: so that a failure says which one it is about. */
async function outcomes<One extends Subject>(of: readonly One[], work: (one: One) => Promise<unknown>) {
  return Object.fromEntries(await Promise.all(of.map(async (one) => [slugOf(one), await work(one)] as const)));
}
const allOf = <One extends Subject>(of: readonly One[], outcome: (one: One) => unknown) =>
  Object.fromEntries(of.map((one) => [slugOf(one), outcome(one)]));

const identityPath = ({ fixture }: Subject, identityId: string) =>
  `/api/v1/auth/${fixture.definition.slug}/identities/${identityId}`;

async function attached(subject: Subject, workload: Workload): Promise<string> {
  const identityId = await latchkey.given.identity();
  done(await latchkey.admin.post(identityPath(subject, identityId), workload.attach));
  return identityId;
}

const send = ({ fixture }: Subject, body: object) =>
  latchkey.anonymous.post(`/api/v1/auth/${fixture.definition.slug}/login`, body);

async function login(subject: Subject, workload: Workload, identityId: string): Promise<Answer> {
  return send(subject, await workload.login(identityId, latchkey.given));
}

/** A workload of its own, attached. */
async function newcomer(subject: Subject, place = subject.place) {
  const workload = subject.fixture.conformance.workload(place);
  const identityId = await attached(subject, workload);
  return { workload, identityId, login: () => login(subject, workload, identityId) };
}

/** The reason of the last refused login of an identity, as an administrator can look it up. */
function reasonFor(identityId: string): string | undefined {
  const line = latchkey.logs.findLast((one) => one.includes('"login.failed"') && one.includes(identityId));
  return /"reason":"(\w+)"/.exec(line ?? '')?.[1];
}

describe('a login', () => {
  it('is answered with a token that works, to JSON and to a form, until the method is removed', async () => {
    const found = await outcomes(subjects, async (subject) => {
      const { workload, identityId } = await newcomer(subject);
      const body = await workload.login(identityId, latchkey.given);
      const { accessToken } = done(await send(subject, { ...body, iamRequestUrl: 'x' })) as { accessToken: string };
      const form = new URLSearchParams((await workload.login(identityId, latchkey.given)) as Record<string, string>);
      const url = `${latchkey.url}/api/v1/auth/${slugOf(subject)}/login/`;
      const { status: byForm } = await fetch(url, { method: 'POST', body: form });
      const works = await latchkey.as(accessToken).get(DETAILS);
      const path = identityPath(subject, identityId);
      done(await latchkey.admin.delete(path));
      done(await latchkey.admin.post(path, workload.attach));
      const dead = await latchkey.as(accessToken).get(DETAILS);
      const { authMethod, identityId: whose } = decodeJwt(accessToken);
      return [byForm, works.status, dead.status, authMethod, whose === identityId];
    });
    expect(found).toEqual(allOf(subjects, (subject) => [200, 200, 401, slugOf(subject), true]));
  });

  it('is refused alike for an identity without the method, one that is not there, and what is no id', async () => {
    const found = await outcomes(subjects, async (subject) => {
      const { workload, identityId } = await newcomer(subject);
      const siblings = subjects.filter((one) => one !== subject);
      const bare = await latchkey.given.identity();
      const sibling = await attached(siblings[0]!, siblings[0]!.fixture.conformance.workload(siblings[0]!.place));
      const body = await workload.login(identityId, latchkey.given);
      const named = subject.fixture.definition.hasClientId ? 'clientId' : 'identityId';
      const answers = [bare, sibling, UNKNOWN, 'x'].map((id) => send(subject, { ...body, [named]: id }));
      const shown = (await Promise.all(answers)).map(({ status, body: said }) => [status, said.message]);
      return new Set(shown.map((one) => JSON.stringify(one))).size === 1 ? shown[0]![0] : shown;
    });
    expect(found).toEqual(allOf(subjects, ({ fixture }) => (fixture.definition.hasClientId ? 401 : 404)));
  });

  it('is refused by each rule, and by what is only nearly right; administrators can look up why', async () => {
    const found = await outcomes(subjects, async (subject) => {
      const cases = Object.entries(subject.fixture.conformance.refused(subject.place));
      const results: Record<string, unknown> = {};
      // One after the other: a hundred at once would wait longer than an upstream may take.
      for (const [title, workload] of cases) {
        const identityId = await attached(subject, workload);
        const body = await workload.login(identityId, latchkey.given);
        const answer = await send(subject, body);
        const secrets = Object.values(body).filter((value) => typeof value === 'string' && value.length > 40);
        const told = JSON.stringify(answer.body) + latchkey.logs.join();
        const isLeaked = secrets.some((secret) => told.includes(secret as string));
        results[title] = [answer.status, reasonFor(identityId) ?? reasonOf(answer), isLeaked];
      }
      return results;
    });
    const wanted = allOf(subjects, ({ fixture, place }) => {
      const cases = Object.entries(fixture.conformance.refused(place));
      return Object.fromEntries(cases.map(([title, { status, reason }]) => [title, [status, reason, false]]));
    });
    expect(found).toEqual(wanted);
  });

  it('is not touched by a change of something else: a configuration keeps what an update leaves out', async () => {
    const found = await outcomes(subjects, async (subject) => {
      const { identityId, login: again } = await newcomer(subject);
      const path = identityPath(subject, identityId);
      const { [subject.fixture.definition.responseKey]: before } = done(await latchkey.admin.get(path));
      const { [subject.fixture.definition.responseKey]: after } = done(
        await latchkey.admin.patch(path, { accessTokenTTL: 60 }),
      );
      const same = { ...(before as object), accessTokenTTL: 60, updatedAt: after.updatedAt as string };
      expect(after).toEqual(same);
      return [(await again()).status, done(await again()).expiresIn];
    });
    expect(found).toEqual(allOf(subjects, () => [200, 60]));
  });
});

/** The reason by the request's id: for logins that name no identity. */
function reasonOf({ body }: Answer): string | undefined {
  const { reqId } = body as { reqId: string };
  const line = latchkey.logs.findLast((one) => one.includes('"errorCode"') && one.includes(reqId));
  return /"errorCode":"(\w+)"/.exec(line ?? '')?.[1];
}

describe('a signed token', () => {
  const now = () => Math.floor(Date.now() / 1_000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const foreign = generateKeyPairSync('ed25519').privateKey;
  const headed = (header: object) => (token: string) => [part(header), ...token.split('.').slice(1)].join('.');
  const claimed = (text: (claims: string) => string) => (token: string) => {
    const [head, claims, signature] = token.split('.') as [string, string, string];
    const changed = text(Buffer.from(claims, 'base64url').toString());
    return [head, Buffer.from(changed).toString('base64url'), signature].join('.');
  };
  /** Signed with the public key as if it were a secret. */
  const hmac = (publicKey: KeyObject, format: 'pem' | 'der') => (token: string) => {
    const [, claims] = token.split('.');
    const body = `${part({ alg: 'HS256', typ: 'JWT', kid: 'a' })}.${claims}`;
    const secret = publicKey.export({ type: 'spki', format } as { type: 'spki'; format: 'pem' });
    return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
  };

  const REFUSED: readonly [title: string, wanted: (publicKey: KeyObject) => Wanted][] = [
    ['whose claims were changed', () => ({ change: claimed((text) => text.replace('{', '{"x":1,')) })],
    ['with a claim twice', () => ({ change: claimed((text) => text.replace('{', '{"sub":"build:root",')) })],
    ['of a stranger with a key id that is known', () => ({ key: foreign })],
    ['without a signature', () => ({ change: (token) => token.replace(/[^.]+$/, '') })],
    [
      'with the algorithm none',
      () => ({ change: (token) => headed({ alg: 'none', kid: 'a' })(token.replace(/[^.]+$/, '')) }),
    ],
    ['with the algorithm NONE', () => ({ change: headed({ alg: 'NONE', kid: 'a' }) })],
    ['with the public key in PEM as a secret', (key) => ({ change: hmac(key, 'pem') })],
    ['with the public key in DER as a secret', (key) => ({ change: hmac(key, 'der') })],
    [
      'with its key within',
      () => ({ key: foreign, header: { jwk: createPublicKey(foreign).export({ format: 'jwk' }) } }),
    ],
    ['with a critical extension', () => ({ change: headed({ alg: 'EdDSA', kid: 'a', crit: ['b64'], b64: false }) })],
    ['with a payload apart', () => ({ header: { b64: true } })],
    ['with a token within', () => ({ header: { cty: 'JWT' } })],
    ['that reports a logout', () => ({ header: { typ: 'logout+jwt' } })],
    ['that was good until a minute ago', () => ({ claims: { exp: now() - 62 } })],
    ['that is good from a minute on', () => ({ claims: { nbf: now() + 90 } })],
    ['that is issued in the future', () => ({ claims: { iat: now() + 90 } })],
    ['without an expiry', () => ({ claims: { exp: undefined } })],
    ['with an expiry in words', () => ({ claims: { exp: String(now() + 600) as never } })],
    ['with an expiry of no size', () => ({ change: claimed((text) => text.replace(/"exp":\d+/, '"exp":1e999')) })],
    ['with an expiry before all time', () => ({ claims: { exp: -1e15 } })],
    ['in five parts', () => ({ change: (token) => `${token}.e30.e30` })],
    ['with characters around it', () => ({ change: (token) => `${token}=` })],
    ['whose claims are a list', () => ({ change: claimed((text) => `[${text}]`) })],
  ];
  const signers = () => subjects.filter(({ fixture }) => fixture.conformance.signed);

  it('is refused with 401, and with a reason of forgeries, for whatever it is that makes it one', async () => {
    const found = await outcomes(signers(), async (subject) => {
      const { publicKey, reasons, workload } = subject.fixture.conformance.signed!;
      const entries: Record<string, unknown> = {};
      for (const [title, wanted] of REFUSED) {
        const forged = workload(subject.place, wanted(publicKey));
        const identityId = await attached(subject, forged);
        const answer = await login(subject, forged, identityId);
        entries[title] = [answer.status, reasons.includes(reasonFor(identityId) ?? '')];
      }
      return entries;
    });
    const wanted = Object.fromEntries(REFUSED.map(([title]) => [title, [401, true]]));
    expect(found).toEqual(allOf(signers(), () => wanted));
  });

  it('is let in within the minute that clocks may be apart, and with a time in fractions', async () => {
    const LET_IN: readonly Wanted[] = [
      { claims: { exp: now() - 40 } },
      { claims: { nbf: now() + 40, iat: now() + 40 } },
      { claims: { exp: now() + 600.5 } },
      { header: { typ: 'at+jwt' } },
    ];
    const found = await outcomes(signers(), async (subject) => {
      const answers = LET_IN.map(async (wanted) => {
        const workload = subject.fixture.conformance.signed!.workload(subject.place, wanted);
        return (await login(subject, workload, await attached(subject, workload))).status;
      });
      return Promise.all(answers);
    });
    expect(found).toEqual(allOf(signers(), () => LET_IN.map(() => 200)));
  });
});

describe('a login of a workload that is known', () => {
  it('takes one transaction of few statements, one look before it, and one more at lockouts where there are any', async () => {
    const { logger } = latchkey.dataSource;
    const found: Record<string, unknown> = {};
    for (const subject of subjects) {
      const { workload, identityId, login: again } = await newcomer(subject);
      done(await again());
      const body = await workload.login(identityId, latchkey.given);
      // The events of the calls before are written in a batch of their own.
      await latchkey.app.get(ObservationQueue, { strict: false }).flush();
      const statements: string[] = [];
      const noting = { logQuery: (sql: string) => void statements.push(sql.trim().split(/\s+/, 2).join(' ')) };
      latchkey.dataSource.logger = Object.assign(Object.create(logger) as typeof logger, noting);
      done(await send(subject, body));
      latchkey.dataSource.logger = logger;
      const start = statements.indexOf('START TRANSACTION');
      const [before, within] = [statements.slice(0, start), statements.slice(start)];
      const isOne = within.lastIndexOf('START TRANSACTION') === 0 && within.indexOf('COMMIT') === within.length - 1;
      found[slugOf(subject)] = [
        before.every((one) => one.startsWith('SELECT')),
        before.length,
        isOne && within.length <= 6,
      ];
    }
    expect(found).toEqual(
      allOf(subjects, ({ fixture: { definition } }) => [true, definition.hasLockouts ? 2 : 1, true]),
    );
  });
});

describe('an upstream', () => {
  const never = () => undefined;
  const METADATA = { location: 'https://169.254.169.254/latest/meta-data/' };
  const day = 86_400_000;

  /** What it does, and why it could then not be asked. */
  const FAULTS: readonly [title: string, fault: string, (peer: HttpsPeer) => void][] = [
    ['says nothing', 'timed_out', (peer) => (peer.answer = never)],
    ['says a little now and then', 'timed_out', (peer) => (peer.answer = (_, response) => drip(response))],
    ['says two megabytes', 'too_large', (peer) => peer.answerJson({ padding: 'x'.repeat(2 ** 21) })],
    ['points to a metadata service', 'redirected', (peer) => peer.answerJson({}, METADATA, 302)],
    ['points to itself', 'redirected', (peer) => peer.answerJson({}, { location: '/' }, 307)],
    ['is broken', 'status_5\\d\\d', (peer) => peer.answerJson({ error: 'sorry' }, {}, 500)],
    ['talks of something else', '\\w+', (peer) => (peer.answer = (_, response) => void response.end('<html>'))],
    ['talks in a code', 'encoded', (peer) => peer.answerJson({}, { 'content-encoding': 'gzip' })],
    ['hangs up in the middle', 'unreachable', (peer) => (peer.answer = (_, response) => hangUp(response))],
    ['is down', 'unreachable', (peer) => (peer.isDown = true)],
  ];
  const TLS_FAULTS: typeof FAULTS = [
    ['shows the certificate of a stranger', 'certificate_refused', (peer) => peer.present(new TestAuthority())],
    [
      'shows a certificate that has expired',
      'certificate_refused',
      (peer) => peer.present(peer.authority, ['127.0.0.1'], new Date(Date.now() - day / 24)),
    ],
    [
      'shows the certificate of another name',
      'certificate_refused',
      (peer) => peer.present(peer.authority, ['peer.test']),
    ],
  ];

  const suffering = async (of: readonly UpstreamSubject[], fail: (peer: HttpsPeer) => void) =>
    outcomes(of, async (subject) => {
      const { identityId, login: again } = await newcomer(subject);
      fail(subject.peer);
      const answer = await again();
      const reason = reasonFor(identityId);
      mend(subject);
      const back = await until200(again);
      return [answer.status, Number(answer.headers.get('retry-after')) > 0, reason, back];
    });
  const unavailable = (of: readonly UpstreamSubject[], fault: string) =>
    allOf(of, ({ upstream: { outage } }) => {
      const reason = expect.stringMatching(new RegExp(`^${outage}(discovery_)?${fault}$`)) as string;
      return [503, true, reason, 200];
    });

  it.each(FAULTS)('that %s is 503 and no 401, and works as soon as it is back', async (_, fault, fail) => {
    expect(await suffering(upstreams(), fail)).toEqual(unavailable(upstreams(), fault));
  });

  it.each(TLS_FAULTS)('that %s is told nothing', async (_, fault, fail) => {
    const reachedByTls = upstreams().filter(({ peer }) => !peer.isPlain);
    expect(await suffering(reachedByTls, fail)).toEqual(unavailable(reachedByTls, fault));
  });

  it('whose name comes to mean a metadata service is reached where it was checked, and then not at all', async () => {
    const tenants = upstreams().filter(({ upstream }) => !upstream.options);
    // One after the other: they share the name.
    for (const subject of tenants) {
      dns.names.set('peer.test', ['127.0.0.1']);
      const place = { ...subject.place, url: `https://peer.test:${subject.peer.port}` };
      const [first, second] = [await newcomer(subject, place), await newcomer(subject, place)];
      const before = subject.peer.connections;
      dns.next.set('peer.test', ['169.254.169.254']);
      const isWhole = subject.upstream.requests === 1;
      const statuses = [(await first.login()).status, (await second.login()).status];
      dns.next.delete('peer.test');
      const found = [slugOf(subject), ...statuses, subject.peer.connections - before, reasonFor(second.identityId)];
      const refusal = expect.stringMatching(/address_refused$/) as string;
      expect(found).toEqual([slugOf(subject), isWhole ? 200 : 503, 503, 1, refusal]);
    }
  });

  it('is asked once for five hundred logins at the same moment where its answer is kept, else eight at a time', async () => {
    // One method after the other: five hundred connections are enough at a time.
    for (const subject of upstreams()) {
      const { isKept, requests } = subject.upstream;
      const { workload, identityId, login: again } = await newcomer(subject);
      const count = isKept ? 500 : 50;
      const bodies = await Promise.all(
        Array.from({ length: count }, async () => workload.login(identityId, latchkey.given)),
      );
      const before = subject.peer.asked.length;
      subject.peer.mostAtOnce = 0;
      const answers = await Promise.all(bodies.map((body) => send(subject, body)));
      // A machine that is busy has no connection to the database for some.
      const others = answers.filter(({ status }) => ![200, 503].includes(status));
      const found = [slugOf(subject), others, await until200(again)];
      expect(found).toEqual([slugOf(subject), [], 200]);
      if (isKept) expect([slugOf(subject), subject.peer.asked.length - before]).toEqual([slugOf(subject), requests]);
      else expect(subject.peer.mostAtOnce).toBeLessThanOrEqual(8);
    }
  }, 240_000);
});

describe('a login whose upstream says nothing', () => {
  it('ends in time, however long a single request may take', async () => {
    const operated = subjects.map(({ fixture, place }) => fixture.conformance.upstream?.options?.(place.url) ?? {});
    const options = Object.assign(
      { outboundAllow: ['127.0.0.1/32'], outboundTimeoutMs: 60_000 },
      ...operated,
    ) as object;
    const patient = await startLatchkey(options, { loginTimeMs: 500 });
    const found = await outcomes(upstreams(), async (subject) => {
      const workload = subject.fixture.conformance.workload(subject.place);
      const identityId = await patient.given.identity();
      done(await patient.admin.post(identityPath(subject, identityId), workload.attach));
      subject.peer.answer = () => undefined;
      const body = await workload.login(identityId, patient.given);
      const answer = await patient.anonymous.post(`/api/v1/auth/${slugOf(subject)}/login`, body);
      return [
        answer.status,
        patient.logs.some((line) => line.includes(identityId) && line.includes('login_timed_out')),
      ];
    });
    expect(found).toEqual(allOf(upstreams(), () => [503, true]));
    for (const { peer } of upstreams()) peer.hangUp();
    await patient.stop();
  });
});

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 50);
  response.on('close', () => clearInterval(timer));
}

function hangUp(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '1000' }).write('{');
  setImmediate(() => response.socket?.destroy());
}

/** The status of a login once a remembered failure is forgotten. */
async function until200(again: () => Promise<Answer>): Promise<number> {
  const end = Date.now() + 20_000;
  for (;;) {
    const { status } = await again();
    if (status === 200 || Date.now() > end) return status;
    await pause(COOLDOWN_MS / 4);
  }
}
