import { randomBytes, randomUUID } from 'node:crypto';
import { Controller, Get, NotFoundException, Param, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import {
  Audited,
  AuditTrail,
  AccessTokens,
  AccessTokenGuard,
  Authorized,
  LATCHKEY_DATA_SOURCE,
  LatchkeyModule,
  type LoggedEvent,
  MachineIdentities,
  type NewAuditEvent,
  OptionalAccessToken,
} from '../src';
import { AuditLogSealer } from '../src/audit-log/chain/audit-log.sealer';
import { AuditLogFollower } from '../src/audit-log/followers/audit-log.follower';
import { ObservationQueue } from '../src/changes/observation.queue';

const url = process.env.LATCHKEY_TEST_DATABASE!;
const authSecret = randomBytes(48).toString('base64');

@Controller('reports')
class ReportsController {
  @Get(':reportId')
  @UseGuards(AccessTokenGuard)
  @Audited('reports.read')
  read(@Param('reportId') reportId: string) {
    if (reportId === 'none') throw new NotFoundException();
    if (reportId === 'bug') throw new Error('a bug');
    return { reportId };
  }

  @Get(':reportId/open')
  @UseGuards(AccessTokenGuard)
  @OptionalAccessToken()
  @Audited('reports.open')
  open() {
    return {};
  }

  @Get(':reportId/admin')
  @Authorized('reports:admin')
  @Audited('reports.admin')
  admin() {
    return {};
  }
}

let app: NestFastifyApplication;
let base: string;
let trail: AuditTrail;
let sql: Client;
let organizationId: string;
let identityId: string;
let tokenId: string;
let accessToken: string;

beforeAll(async () => {
  const latchkey = LatchkeyModule.forRoot({
    ...{ database: { url, pushUrl: false }, authSecret, migrate: 'never', maintenance: false },
    permissions: { 'reports:admin': ['admin'] },
  });
  class HostModule {}
  app = await NestFactory.create<NestFastifyApplication>(
    { module: HostModule, imports: [latchkey], controllers: [ReportsController] },
    new FastifyAdapter(),
    { logger: false },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  base = await app.getUrl();
  trail = app.get(AuditTrail);
  ({ organizationId } = await app.get(MachineIdentities).createOrganization({ name: 'Acme' }));
  ({ identityId } = await app.get(MachineIdentities).create({ organizationId, name: 'customer' }));
  ({ tokenId, accessToken } = await app.get(AccessTokens).issue({ identityId, name: 'key' }));
  sql = new Client({ connectionString: url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await app.close();
});

interface Row {
  readonly event_type: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly actor_type: string;
  readonly actor_metadata: object;
  readonly event_metadata: object;
  readonly organization_id: string;
  readonly request_id: string | null;
  readonly user_agent: string | null;
}
const eventsOf = async (type: string) =>
  (await sql.query<Row>('SELECT * FROM latchkey.audit_logs WHERE event_type = $1 ORDER BY created_at', [type])).rows;
const type = () => `billing.paid-${randomBytes(4).toString('hex')}`;

describe("a host's own event", () => {
  it('is in the log with its change or not at all, in whichever way the host holds its transaction', async () => {
    const dataSource = await new DataSource({ type: 'postgres', url }).initialize();
    const client = new Client({ connectionString: url });
    await client.connect();
    await sql.query('CREATE TABLE IF NOT EXISTS invoices (type text)');
    const ways: ((
      work: (options: object, insert: (text: string) => Promise<unknown>) => Promise<void>,
    ) => Promise<void>)[] = [
      (work) =>
        dataSource.transaction((manager) =>
          work({ manager }, (text) => manager.query('INSERT INTO invoices VALUES ($1)', [text])),
        ),
      async (work) => {
        await client.query('BEGIN');
        try {
          await work({ client }, (text) => client.query('INSERT INTO invoices VALUES ($1)', [text]));
          await client.query('COMMIT');
        } catch (error) {
          await client.query('ROLLBACK');
          throw error;
        }
      },
      (work) =>
        dataSource.transaction((manager) =>
          work({ query: (text: string, values: unknown[]) => manager.query(text, values) }, (text) =>
            manager.query('INSERT INTO invoices VALUES ($1)', [text]),
          ),
        ),
    ];
    for (const way of ways) {
      const [kept, undone] = [type(), type()];
      await way(async (options, insert) => {
        await insert(kept);
        await trail.record({ type: kept, organizationId, metadata: { invoice: 'i-1' } }, options);
      });
      const failing = way(async (options, insert) => {
        await insert(undone);
        await trail.record({ type: undone, organizationId }, options);
        throw new Error('undone');
      });
      await expect(failing).rejects.toThrow('undone');
      const { rows } = await sql.query<{ type: string }>('SELECT type FROM invoices WHERE type = ANY ($1)', [
        [kept, undone],
      ]);
      expect(rows).toEqual([{ type: kept }]);
      expect(await eventsOf(kept)).toMatchObject([
        { outcome: 'success', actor_type: 'host', event_metadata: { invoice: 'i-1' } },
      ]);
      expect(await eventsOf(undone)).toEqual([]);
    }
    await sql.query('DROP TABLE invoices');
    await client.end();
    await dataSource.destroy();
  });

  it('says who acted and on what, waits to be sealed like any other, and is found by its type', async () => {
    const own = type();
    const caller = { identityId, tokenId, organization: { id: organizationId } } as NonNullable<
      NewAuditEvent['caller']
    >;
    const origin = { address: '203.0.113.9', requestId: 'req-1', userAgent: 'cli' };
    const { eventId } = await trail.record({
      type: own,
      caller,
      origin,
      identityId,
      outcome: 'refused',
      reason: 'too_late',
    });
    expect(await eventsOf(own)).toMatchObject([
      {
        id: eventId,
        organization_id: organizationId,
        outcome: 'refused',
        reason: 'too_late',
        actor_type: 'identity',
        actor_metadata: { identityId, name: 'customer', tokenId },
        identity_id: identityId,
        ip_address: '203.0.113.9',
        request_id: 'req-1',
        user_agent_type: 'cli',
      },
    ]);
    const { rowCount } = await sql.query('SELECT FROM latchkey.audit_unsealed WHERE id = $1', [eventId]);
    expect(rowCount).toBe(1);
    const auditor = await app.get(MachineIdentities).create({ organizationId, name: 'auditor', role: 'member' });
    const { accessToken: token } = await app.get(AccessTokens).issue(auditor);
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${base}/api/v1/organization/audit-logs?eventType=${own}`, { headers });
    expect(await answer.json()).toMatchObject({ auditLogs: [{ id: eventId, event: { type: own } }] });
  });

  const deep = (levels: number): object => (levels === 0 ? {} : { in: deep(levels - 1) });
  it.each<[string, () => object]>([
    ['a type without a prefix', () => ({ type: 'paid' })],
    ["a type like one of Latchkey's own", () => ({ type: 'create-identity' })],
    ['a type with capitals', () => ({ type: 'billing.Paid' })],
    ['a type that is too long', () => ({ type: `billing.${'x'.repeat(100)}` })],
    ['no organization', () => ({ organizationId: undefined })],
    ['an organization that does not exist', () => ({ organizationId: randomUUID() })],
    ['a field that is not known', () => ({ actor: 'me' })],
    ['an outcome that is not known', () => ({ outcome: 'good' })],
    ['metadata that is not an object', () => ({ metadata: 'x' })],
    ['metadata with a date', () => ({ metadata: { at: new Date() } })],
    ['metadata with a number that is not finite', () => ({ metadata: { n: NaN } })],
    ['metadata with NUL', () => ({ metadata: { x: 'a\0b' } })],
    ['metadata that is too deep', () => ({ metadata: deep(9) })],
    ['metadata that is too large', () => ({ metadata: { x: 'x'.repeat(17_000) } })],
    ['metadata with a token', () => ({ metadata: { list: [`Bearer ${accessToken}`] } })],
    ['metadata with a name that is a token', () => ({ metadata: { [accessToken]: 1 } })],
    ['metadata with a short key', () => ({ metadata: { key: `acme_live_${'a1B2c3'.repeat(6)}` } })],
    ['an id that is none', () => ({ identityId: 'x' })],
  ])('is refused with a TypeError that quotes no value: %s', async (_, wrong) => {
    const recording = trail.record({ type: 'billing.paid', organizationId, ...wrong() });
    const error = await recording.catch((thrown: unknown) => thrown as Error);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).not.toContain(accessToken);
  });
});

describe('a subscriber', () => {
  const seal = () => app.get(AuditLogSealer, { strict: false }).seal();
  const follow = async () => {
    await seal();
    await app.get(AuditLogFollower, { strict: false }).followAll();
  };
  const made = async () => {
    const own = type();
    await trail.record({ type: own, organizationId });
    return own;
  };

  it('hears every event after its commit, in order, and again if its handler fails; a name goes on where it stopped', async () => {
    const name = `copy-${randomBytes(4).toString('hex')}`;
    let heard: string[] = [];
    let fault: Error | undefined;
    const hear = (events: readonly LoggedEvent[]) => {
      if (fault) throw fault;
      heard.push(...events.map(({ event }) => event.type));
    };
    const end = trail.subscribe(name, hear);
    expect(() => trail.subscribe(name, hear)).toThrow(TypeError);
    expect(() => trail.subscribe('A b', hear)).toThrow(TypeError);
    await follow();
    heard = [];
    const first = [await made(), await made(), await made()];
    await follow();
    expect(heard.filter((one) => first.includes(one))).toEqual(first);
    fault = new Error('not now');
    const second = await made();
    await follow();
    fault = undefined;
    await follow();
    expect(heard).not.toContain(second);
    await sql.query('UPDATE latchkey.audit_followers SET due_at = now() WHERE name = $1', [name]);
    await follow();
    expect(heard.filter((one) => one === second)).toEqual([second]);
    end();
    const third = await made();
    await follow();
    expect(heard).not.toContain(third);
    trail.subscribe(name, hear);
    await follow();
    expect(heard.at(-1)).toBe(third);
  });

  it('hears an event on one node at a time, and again if the node dies before it has noted that', async () => {
    const name = `copy-${randomBytes(4).toString('hex')}`;
    const heard: string[] = [];
    const hear = (events: readonly LoggedEvent[]) => heard.push(...events.map(({ event }) => event.type));
    const data = app.get<DataSource>(getDataSourceToken(LATCHKEY_DATA_SOURCE));
    const nodes = [1, 2, 3].map(() => new AuditLogFollower(data));
    for (const node of nodes) node.follow(name, hear);
    const all = () => Promise.all(nodes.map((node) => node.followAll()));
    await seal();
    await all();
    const own = [await made(), await made()];
    await seal();
    await all();
    expect(heard.filter((one) => own.includes(one))).toEqual(own);
    await sql.query('UPDATE latchkey.audit_followers SET position = position - 1 WHERE name = $1', [name]);
    await all();
    expect(heard.filter((one) => own.includes(one))).toEqual([...own, ...own]);
  });
});

describe('a request to a route with @Audited()', () => {
  const ask = (path: string, token = accessToken) =>
    fetch(`${base}/reports/${path}`, { headers: { authorization: `Bearer ${token}`, 'user-agent': 'reader/1' } });
  const flush = () => app.get(ObservationQueue, { strict: false }).flush();

  it('is one event, with the caller, the ids of the path and the outcome, written after the answer', async () => {
    const reportId = randomUUID();
    await Promise.all([ask(reportId), ask('none'), ask('bug')]);
    await flush();
    const events = await eventsOf('reports.read');
    expect(events).toHaveLength(3);
    const common = { organization_id: organizationId, actor_type: 'identity', user_agent: 'reader/1' };
    expect(events).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...common, outcome: 'success', reason: null, event_metadata: { reportId } }),
        expect.objectContaining({ ...common, outcome: 'refused', reason: 'http_404' }),
        expect.objectContaining({ ...common, outcome: 'failed', reason: 'unexpected' }),
      ]),
    );
  });

  it('is no event without a caller, and a guard that refuses it answers as before', async () => {
    expect((await fetch(`${base}/reports/x/open`)).status).toBe(200);
    expect((await ask('x/admin')).status).toBe(403);
    expect((await ask('x', 'nonsense')).status).toBe(401);
    await flush();
    expect([...(await eventsOf('reports.open')), ...(await eventsOf('reports.admin'))]).toEqual([]);
  });

  it('is not allowed to have a type that passes for one of Latchkey', () => {
    expect(() => Audited('delete-identity')).toThrow(TypeError);
  });
});
