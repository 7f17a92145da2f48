import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { AuditLogSealer } from '../src/audit-log/chain/audit-log.sealer';
import type { LoggedEvent } from '../src/audit-log/logged-event';
import { AuditStreamCourier } from '../src/audit-log/streams/audit-stream.courier';
import { MOST_REFUSED } from '../src/audit-log/streams/delivery-faults';
import { WebhookSender } from '../src/audit-log/streams/webhook.sender';
import { VerificationPools } from '../src/database/connections/verification-pools';
import { LatchkeySettings } from '../src/latchkey.options';
import { ObservationQueue } from '../src/changes/observation.queue';
import { done, type GivenOrganization } from './support/given';
import { HttpsPeer } from './support/https-peer';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { refusing } from './support/refusing';

const STREAMS = '/api/latchkey/v1/audit-logs/streams';

jest.setTimeout(60_000);

interface Received {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly text: string;
  readonly organizationId: string;
  readonly batch: number;
  readonly first: number;
  readonly events: LoggedEvent[];
}

let latchkey: TestLatchkey;
let tenant: GivenOrganization;
let peer: HttpsPeer;
let received: Received[];
/** The status of an answer to a delivery; none for no answer. */
let answer: (delivery: Received) => number | undefined;

beforeAll(async () => {
  peer = await HttpsPeer.start();
  peer.answer = (request, response) =>
    void bodyOf(request).then((text) => {
      const delivery = deliveryIn(request, text);
      received.push(delivery);
      const status = answer(delivery);
      if (status !== undefined) response.writeHead(status).end();
    });
  latchkey = await startLatchkey({ outboundAllow: ['127.0.0.0/8'], outboundTimeoutMs: 1_500 });
});
beforeEach(async () => {
  received = [];
  answer = () => 204;
  // Those of other tests deliver nothing here.
  await latchkey.dataSource.query('DELETE FROM latchkey.audit_streams');
  tenant = await latchkey.given.organization('Streamed');
});
afterAll(async () => {
  await latchkey.stop();
  await peer.stop();
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

function deliveryIn({ headers }: IncomingMessage, text: string): Received {
  const { data } = JSON.parse(text) as {
    data: { organizationId: string; batch: { number: number }; first: number; events: LoggedEvent[] };
  };
  const header = (name: string) => headers[name] as string;
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(header);
  return { id: id!, timestamp: timestamp!, signature: signature!, text, ...data, batch: data.batch.number };
}

const created = async ({ admin } = tenant, receiver = peer) => {
  const body = { name: 'SIEM', url: `${receiver.url}/in?key=canary-in-url`, caCert: receiver.authority.cert };
  const { stream, secret } = done(await admin.post(STREAMS, body)) as { stream: { id: string }; secret: string };
  return { id: stream.id, secret };
};
const shown = async (id: string, { admin } = tenant) => done(await admin.get(`${STREAMS}/${id}`)).stream as object;
const seal = async () => {
  await latchkey.app.get(ObservationQueue, { strict: false }).flush();
  await latchkey.app.get(AuditLogSealer, { strict: false }).seal();
};
const courier = () => latchkey.app.get(AuditStreamCourier, { strict: false });
const deliver = async () => {
  await seal();
  await courier().deliverDue();
};
const due = (id: string, more = '') =>
  latchkey.dataSource.query(
    `UPDATE latchkey.audit_streams SET due_at = now(), leased_until = NULL ${more} WHERE id = $1`,
    [id],
  );
/** The events of the chain, in its order. */
const chained = async (from: number) => {
  const rows = await latchkey.dataSource.query<{ id: string }[]>(
    `SELECT unnest(event_ids) AS id, generate_subscripts(event_ids, 1) AS n, number FROM latchkey.audit_batches
      WHERE organization_id = $1 AND number >= $2 ORDER BY number, n`,
    [tenant.organizationId, from],
  );
  return rows.map(({ id }) => id);
};
const head = async () => {
  const [{ head }] = await latchkey.dataSource.query<[{ head: number }]>(
    'SELECT coalesce(max(number), 0)::int AS head FROM latchkey.audit_batches WHERE organization_id = $1',
    [tenant.organizationId],
  );
  return head;
};
const idsOf = (list: readonly Received[]) => list.flatMap(({ events }) => events.map(({ id }) => id));
/** Events of a host, by hand: many at once. */
const manyEvents = (count: number) =>
  latchkey.dataSource.query(
    `WITH made AS (SELECT gen_random_uuid() AS id, now()::timestamptz(3) AS at FROM generate_series(1, $2)),
          queued AS (INSERT INTO latchkey.audit_unsealed SELECT at, id, $1 FROM made)
     INSERT INTO latchkey.audit_logs (id, created_at, organization_id, event_type, outcome, actor_type, actor_metadata, event_metadata)
     SELECT id, at, $1, 'made', 'success', 'host', '{}', '{}' FROM made`,
    [tenant.organizationId, count],
  );

describe('a stream of the audit log', () => {
  it('delivers every event of its organization from then on, once, in the order of the chain, and signed', async () => {
    await tenant.given.token();
    await seal();
    const from = (await head()) + 1;
    const { secret } = await created();
    const other = await latchkey.given.organization('Other');
    await deliver();
    await tenant.given.token();
    await other.given.token();
    await manyEvents(250);
    await deliver();
    await deliver();
    const ids = idsOf(received);
    expect(ids.length).toBeGreaterThan(250);
    expect(ids).toEqual(await chained(from));
    expect(received.map(({ events }) => events.length).some((count) => count === 100)).toBe(true);
    expect(new Set(received.map(({ id }) => id)).size).toBe(received.length);
    const events = received.flatMap((one) => one.events);
    expect(events[0]).toMatchObject({ event: { type: 'create-audit-log-stream' }, orgId: tenant.organizationId });
    expect(new Set(events.map(({ orgId }) => orgId))).toEqual(new Set([tenant.organizationId]));
    for (const { id, timestamp, signature, text } of received) {
      const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
      expect(signature).toBe(`v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64')}`);
      expect(Math.abs(Number(timestamp) - Date.now() / 1_000)).toBeLessThan(60);
    }
  });

  it('shows its secret once, and keeps it and its URL out of events and logs', async () => {
    const { id, secret } = await created();
    const { admin } = tenant;
    done(await admin.patch(`${STREAMS}/${id}`, { name: 'renamed', url: `${peer.url}/other?key=canary-in-url` }));
    answer = () => 500;
    await deliver();
    const seen = [await shown(id), done(await admin.get(STREAMS)), latchkey.logs];
    done(await admin.post(`${STREAMS}/${id}/redeliver`));
    done(await admin.delete(`${STREAMS}/${id}`));
    const log = await latchkey.dataSource.query('SELECT l::text AS event FROM latchkey.audit_logs l');
    const rows = await latchkey.dataSource.query(
      "SELECT s::text || encode(sealed_secret, 'escape') FROM latchkey.audit_streams s",
    );
    const raw = secret.replace('whsec_', '');
    for (const text of [...seen, rows, log].map((one) => JSON.stringify(one))) expect(text).not.toContain(raw);
    expect(JSON.stringify([log, latchkey.logs])).not.toContain('canary-in-url');
    const [{ count }] = await latchkey.dataSource.query(
      `SELECT count(*)::int AS count FROM latchkey.audit_logs
        WHERE event_type LIKE '%-audit-log-stream' AND event_metadata ->> 'streamId' = $1 AND outcome = 'success'
          AND event_metadata ->> 'host' = $2`,
      [id, new URL(peer.url).host],
    );
    expect(count).toBe(4);
  });

  it('waits behind a delivery that fails, gives it up after 16 refusals, and delivers it on request', async () => {
    const { id } = await created();
    const { admin } = tenant;
    const isMade = ({ events }: Received) => events.some(({ event }) => event.type === 'made');
    await deliver();
    await manyEvents(1);
    await seal();
    await tenant.given.identity();
    answer = (delivery) => (isMade(delivery) ? 400 : 200);
    received = [];
    await deliver();
    expect(received).toHaveLength(1);
    expect(await shown(id)).toMatchObject({
      failedAttempts: 1,
      lastFault: 'http_400',
      failingSince: expect.any(String),
    });
    await courier().deliverDue();
    expect(received).toHaveLength(1);
    await due(id, `, attempts = ${MOST_REFUSED - 1}`);
    await courier().deliverDue();
    const { deadLetters } = done(await admin.get(`${STREAMS}/${id}/dead-letters`)) as { deadLetters: object[] };
    expect(deadLetters).toMatchObject([{ count: 1, attempts: MOST_REFUSED, lastFault: 'http_400', isDue: false }]);
    await deliver();
    const after = received.slice(2);
    expect(after.length).toBeGreaterThan(0);
    expect(after.some(isMade)).toBe(false);
    expect(await shown(id)).toMatchObject({ failedAttempts: 0, lastFault: null, deadLetterCount: 1 });
    expect(done(await admin.post(`${STREAMS}/${id}/redeliver`))).toEqual({ due: 1 });
    await deliver();
    expect(await shown(id)).toMatchObject({ deadLetterCount: 1 });
    answer = () => 200;
    done(await admin.post(`${STREAMS}/${id}/redeliver`));
    received = [];
    await deliver();
    expect(received.filter(isMade)).toHaveLength(1);
    expect(await shown(id)).toMatchObject({ deadLetterCount: 0 });
  });

  it('waits for a receiver that is away, and loses nothing', async () => {
    const { id } = await created();
    const from = (await head()) + 1;
    peer.isDown = true;
    await deliver();
    await due(id, `, attempts = ${MOST_REFUSED}`);
    await courier().deliverDue();
    expect(await shown(id)).toMatchObject({
      failedAttempts: MOST_REFUSED + 1,
      lastFault: 'unreachable',
      deadLetterCount: 0,
    });
    peer.isDown = false;
    await tenant.given.identity();
    await due(id);
    await deliver();
    expect(idsOf(received)).toEqual(await chained(from));
  });

  it('whose receiver does not answer delays no other', async () => {
    const other = await latchkey.given.organization('Quick');
    await created();
    await created(other);
    answer = ({ organizationId }) => (organizationId === tenant.organizationId ? undefined : 200);
    await seal();
    const delivering = courier().deliverDue();
    await until(() => received.length === 2);
    const [{ delivered }] = await untilRows(
      `SELECT delivered_at AS delivered FROM latchkey.audit_streams WHERE organization_id = $1 AND delivered_at IS NOT NULL`,
      [other.organizationId],
    );
    expect(delivered).toEqual(expect.any(Date));
    await delivering;
    expect(
      (await latchkey.dataSource.query('SELECT last_fault FROM latchkey.audit_streams ORDER BY last_fault'))[0],
    ).toEqual({
      last_fault: 'timed_out',
    });
  });

  it('is delivered by one node at a time, however many try', async () => {
    const from = (await head()) + 1;
    await created();
    const of = <T>(type: new (...args: never[]) => T): T => latchkey.app.get(type, { strict: false });
    const settings = of(LatchkeySettings);
    const nodes = [1, 2, 3, 4].map(
      () => new AuditStreamCourier(latchkey.dataSource, of(VerificationPools), settings, of(WebhookSender)),
    );
    for (let round = 0; round < 4; round += 1) {
      await manyEvents(120);
      await seal();
      await Promise.all(nodes.map((node) => node.deliverDue()));
    }
    await deliver();
    expect(idsOf(received)).toEqual(await chained(from));
  });

  it('loses nothing with a node that is killed while it delivers: the delivery comes again, under the same id', async () => {
    const { id } = await created();
    const from = (await head()) + 1;
    await manyEvents(150);
    await seal();
    const file = path.join(__dirname, 'support/stream-process.ts');
    const env = { ...process.env, DATABASE_URL: process.env.LATCHKEY_TEST_DATABASE, AUTH_SECRET: latchkey.authSecret };
    const node = spawn(process.execPath, ['-r', '@swc-node/register', file], { env, stdio: 'ignore' });
    answer = ({ first }) => {
      if (first === 0) return 200;
      node.kill('SIGKILL');
      return undefined;
    };
    expect(await new Promise((resolve) => node.on('exit', (_, signal) => resolve(signal)))).toBe('SIGKILL');
    const before = [...received];
    answer = () => 200;
    await courier().deliverDue();
    // The lease of the dead node is not over yet.
    expect(received).toEqual(before);
    await due(id);
    await courier().deliverDue();
    const again = received[before.length]!;
    expect(again).toMatchObject({ id: before.at(-1)!.id, text: before.at(-1)!.text });
    expect(idsOf(received.filter((one) => one !== again))).toEqual(await chained(from));
  });

  it('is delivered again if the database could not note that it was', async () => {
    const { id } = await created();
    await seal();
    await refusing(latchkey, { event: 'UPDATE OF delivered_at', table: 'audit_streams' }, () => courier().deliverDue());
    await due(id);
    await courier().deliverDue();
    expect(received).toHaveLength(2);
    expect(received[1]).toMatchObject({ id: received[0]!.id, text: received[0]!.text });
  });

  it('that is paused or given another URL goes on where it stopped', async () => {
    const { id } = await created();
    const from = (await head()) + 1;
    const second = await HttpsPeer.start({ authority: peer.authority });
    second.answer = peer.answer;
    done(await tenant.admin.patch(`${STREAMS}/${id}`, { isEnabled: false }));
    await deliver();
    expect(received).toEqual([]);
    done(await tenant.admin.patch(`${STREAMS}/${id}`, { isEnabled: true, url: second.url }));
    await deliver();
    await second.stop();
    expect(second.asked.length).toBeGreaterThan(0);
    expect(idsOf(received)).toEqual(await chained(from));
  });

  it('is refused where its URL, certificates or number are not allowed', async () => {
    const { admin } = tenant;
    const url = 'https://8.8.8.8/in';
    const refused = async (body: object) => {
      const { status, body: told } = await admin.post(STREAMS, { name: 'x', ...body });
      return [status, told.error, told.message?.[0]?.path?.[0]];
    };
    expect(await refused({ url: 'https://10.0.0.1/in' })).toEqual([400, 'BadRequest', undefined]);
    expect(await refused({ url: 'https://169.254.169.254/latest' })).toEqual([400, 'BadRequest', undefined]);
    for (const bad of ['http://8.8.8.8/in', 'https://user:pass@8.8.8.8', 'https://8.8.8.8:5432', 'x'])
      expect(await refused({ url: bad })).toEqual([422, 'ValidationFailure', 'url']);
    expect(await refused({ url, caCert: 'x' })).toEqual([422, 'ValidationFailure', 'caCert']);
    for (let made = 0; made < 10; made += 1) done(await admin.post(STREAMS, { name: 'x', url }));
    expect((await admin.post(STREAMS, { name: 'x', url })).body.message).toMatch(/at most 10/);
    expect((await admin.get(`${STREAMS}/${randomUUID()}`)).status).toBe(404);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error('not within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function untilRows(sql: string, parameters: unknown[]): Promise<[{ delivered: unknown }]> {
  for (let tries = 0; ; tries += 1) {
    const rows = await latchkey.dataSource.query(sql, parameters);
    if (rows.length > 0 || tries > 200) return rows;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
