import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { AuditLogSealer } from '../src/audit-log/chain/audit-log.sealer';
import { checkpointsIn } from '../src/audit-log/chain/checkpoint-file';
import { hashOfBatch } from '../src/audit-log/chain/event-chain';
import { UnqueuedFinder } from '../src/audit-log/chain/unqueued.finder';
import { ExportVerifier } from '../src/audit-log/chain/export-verifier';
import type { BatchLine, EventLine, ExportLine } from '../src/audit-log/chain/export-line';
import type { AuditLogDto } from '../src/audit-log/dto/audit-log.dtos';
import type { CheckpointListDto } from '../src/audit-log/dto/audit-export.dtos';
import { AuditPartitionKeeper } from '../src/audit-log/audit-partition.keeper';
import { VerificationPools } from '../src/database/connections/verification-pools';
import { ObservationQueue } from '../src/changes/observation.queue';
import { latchkeyDocument } from '../src/openapi/latchkey-document';
import type { ApiClient } from './support/api-client';
import { done, type GivenOrganization } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const LOG = '/api/v1/organization/audit-logs';
const PROOF = '/api/latchkey/v1/audit-logs';
const NOBODY = '00000000-0000-4000-8000-000000000000';

let latchkey: TestLatchkey;
let tenant: GivenOrganization;
let admin: ApiClient;

beforeAll(async () => {
  latchkey = await startLatchkey();
  tenant = await latchkey.given.organization('Audited');
  ({ admin } = tenant);
});
afterAll(() => latchkey.stop());

const flushed = () => latchkey.app.get(ObservationQueue, { strict: false }).flush();
const sealed = () => latchkey.app.get(AuditLogSealer, { strict: false }).seal();

interface Page {
  readonly auditLogs: AuditLogDto[];
  readonly nextCursor: string | null;
}

async function page(filter = '', client = admin): Promise<Page> {
  await flushed();
  return done(await client.get(`${LOG}?${filter}`));
}
const logged = async (filter = '', client = admin) => (await page(`limit=1000&${filter}`, client)).auditLogs;
const typesOf = (events: readonly AuditLogDto[]) => events.map(({ event }) => event.type);

describe('the events of an organization', () => {
  it('say who changed what, from where, with which token, and never a secret', async () => {
    const { tokenId, identityId, accessToken } = await tenant.given.token({ name: 'ci' });
    const [created] = await logged(`tokenId=${tokenId}`);
    const own = done(await admin.get('/api/v1/identities/details')).identityDetails.organization as { id: string };
    expect(created).toMatchObject({
      orgId: own.id,
      projectId: null,
      event: { type: 'create-token-identity-token-auth', metadata: { identityId, tokenId, name: 'ci' } },
      actor: { type: 'identity', metadata: { authMethod: 'token-auth', name: 'Organization Admin Identity' } },
      outcome: 'success',
      reason: null,
      ipAddress: '127.0.0.1',
    });
    expect(Date.parse(created!.expiresAt) - Date.parse(created!.createdAt)).toBe(365 * 86_400_000);
    expect(JSON.stringify(await logged())).not.toContain(accessToken);
  });

  it('are found by each filter of the contract, and by those of ours', async () => {
    const acting = await tenant.given.token({ role: 'member', name: 'acting' });
    const target = await tenant.given.identity({ name: 'filtered' });
    const renamed = await acting.api.patch(
      `/api/v1/identities/${target}`,
      { name: 'filtered-2' },
      { 'user-agent': 'cli' },
    );
    done(renamed);
    const is = async (filter: string) => {
      const events = await logged(filter);
      return events.some(({ event, actor }) => {
        const { identityId } = actor.metadata as { identityId?: string };
        return event.type === 'update-identity' && identityId === acting.identityId;
      });
    };
    const reqId = renamed.headers.get('x-request-id')!;
    const matching = [
      '',
      'eventType=update-identity,create-identity',
      'outcome=success',
      'userAgentType=cli',
      'actorType=identity',
      `actor=${acting.identityId}`,
      `identityId=${target}`,
      `identityId=${acting.identityId}`,
      `tokenId=${acting.tokenId}`,
      `reqId=${reqId}`,
      'eventMetadata=name=filtered-2',
      `identityId=${target}&tokenId=${acting.tokenId}&eventType=update-identity`,
    ];
    const others = [
      'eventType=create-identity',
      'outcome=refused',
      'userAgentType=web',
      'actorType=operator',
      `actor=${target}`,
      'actor=nobody',
      `identityId=${NOBODY}`,
      'tokenId=x',
      'reqId=other',
      'eventMetadata=name=filtered-3',
      'projectId=some',
      'endDate=2026-01-02&startDate=2026-01-01',
    ];
    expect(await Promise.all(matching.map(is))).toEqual(matching.map(() => true));
    expect(await Promise.all(others.map(is))).toEqual(others.map(() => false));
  });

  it('come newest first, and a walk by cursor shows each once, whatever is filtered', async () => {
    const { identityId } = await tenant.given.token();
    for (let call = 0; call < 5; call += 1) done(await admin.get(`/api/v1/identities/${identityId}`));
    for (const filter of ['', `identityId=${identityId}`, 'eventType=get-identity,create-identity']) {
      const all = await logged(filter);
      const walked: AuditLogDto[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const next: Page = await page(`limit=3&${filter}${cursor && `&cursor=${cursor}`}`);
        walked.push(...next.auditLogs);
        cursor = next.nextCursor;
      }
      // The walk itself is recorded, and is newer than its first page.
      const known = new Set(all.map(({ id }) => id));
      expect(walked.filter(({ id }) => known.has(id)).map(({ id }) => id)).toEqual(all.map(({ id }) => id));
      const times = all.map(({ createdAt }) => createdAt);
      expect(times).toEqual([...times].sort().reverse());
    }
  });

  it('tell of refusals and reads too, with the reason and the id of the answer', async () => {
    const weak = await tenant.given.token();
    const target = await tenant.given.identity();
    const refused = await weak.api.delete(`/api/v1/identities/${target}`);
    expect(refused.status).toBe(403);
    done(await admin.get(`/api/v1/identities/${target}`));
    const events = await logged(`identityId=${target}`);
    expect(typesOf(events)).toEqual(['get-identity', 'delete-identity', 'create-identity']);
    expect(events[1]).toMatchObject({
      outcome: 'refused',
      reason: 'permission_denied',
      reqId: refused.body.reqId,
      actor: { metadata: { identityId: weak.identityId } },
    });
  });

  it('tell of logins: those that got a token, and those that did not', async () => {
    const client = await tenant.given.client();
    const login = (clientSecret: string) =>
      latchkey.anonymous.post('/api/v1/auth/universal-auth/login', { clientId: client.clientId, clientSecret });
    done(await login(client.clientSecret));
    expect((await login('wrong')).status).toBe(401);
    const events = await logged(`identityId=${client.identityId}&eventType=login-identity-universal-auth`);
    expect(events.map(({ outcome }) => outcome)).toEqual(['refused', 'success']);
    expect(events[1]!.actor.metadata).toMatchObject({
      identityId: client.identityId,
      clientSecretId: client.clientSecretId,
    });
  });

  it('belong to it alone: another organization sees none, whatever it asks for', async () => {
    const other = await latchkey.given.organization('Other');
    const { identityId, tokenId } = await tenant.given.token();
    for (const filter of [
      `identityId=${identityId}`,
      `tokenId=${tokenId}`,
      'eventMetadata=name=given&outcome=success',
    ]) {
      expect((await logged(filter, other.admin)).filter(({ orgId }) => orgId !== other.organizationId)).toEqual([]);
    }
    expect(await logged(`identityId=${identityId}`, other.admin)).toEqual([]);
    expect((await (await tenant.given.token()).api.get(LOG)).status).toBe(403);
  });

  it.each([
    ['startDate=2026-01-01&endDate=2026-12-01', 'startDate'],
    ['startDate=2026-02-30', 'startDate'],
    ['endDate=yesterday', 'endDate'],
    ['startDate=2026-02-02&endDate=2026-02-01', 'endDate'],
    ['eventType=a%20b', 'eventType'],
    ['eventMetadata=name', 'eventMetadata'],
    ['outcome=good', 'outcome'],
    ['cursor=x', 'cursor'],
    ['limit=1001', 'limit'],
  ])('are refused with 422 for what cannot be understood: %s', async (filter, field) => {
    const answer = await admin.get(`${LOG}?${filter}`);
    expect(answer.status).toBe(422);
    expect(answer.body.message).toEqual([expect.objectContaining({ path: [field] })]);
  });

  it('tell of no change where there was none', async () => {
    const identityId = await tenant.given.identity({ name: 'same' });
    for (const body of [{}, { name: 'same' }, { role: 'no-access', hasDeleteProtection: false }])
      done(await admin.patch(`/api/v1/identities/${identityId}`, body));
    const role = done(
      await admin.post('/api/v1/organization/roles', { slug: 'same', name: 'Same', permissions: [] }),
    ) as unknown as {
      role: { id: string };
    };
    done(await admin.patch(`/api/v1/organization/roles/${role.role.id}`, {}));
    expect(typesOf(await logged(`identityId=${identityId}`))).toEqual(['create-identity']);
    expect(typesOf(await logged('eventType=update-org-role'))).toEqual([]);
  });

  it('cannot be changed or deleted by statements', async () => {
    for (const change of [
      "UPDATE latchkey.audit_logs SET reason = 'x'",
      'DELETE FROM latchkey.audit_logs',
      'TRUNCATE latchkey.audit_logs',
    ])
      await expect(latchkey.dataSource.query(change)).rejects.toThrow('takes new events only');
  });

  it('are named by every operation that has a caller', () => {
    const operations = Object.entries(latchkeyDocument(latchkey.app).paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, Record<string, unknown>>).map(([method, one]) => ({
        name: `${method} ${path}`,
        ...one,
      })),
    ) as { name: string; 'x-permission'?: string; 'x-event'?: string }[];
    const silent = operations.filter((one) => ![undefined, 'any'].includes(one['x-permission']) && !one['x-event']);
    expect(operations.length).toBeGreaterThan(40);
    expect(silent).toEqual([]);
  });
});

describe('a change whose event cannot be written', () => {
  it('is refused with 503, and is not made', async () => {
    await latchkey.dataSource.query(`
      CREATE FUNCTION latchkey.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON latchkey.audit_logs FOR EACH ROW EXECUTE FUNCTION latchkey.refuse()`);
    const body = { name: 'unrecorded', organizationId: tenant.organizationId };
    const answer = await admin.post('/api/v1/identities', body);
    await latchkey.dataSource.query('DROP FUNCTION latchkey.refuse CASCADE');
    expect(answer.status).toBe(503);
    const found = await latchkey.dataSource.query(`SELECT FROM latchkey.identities WHERE name = 'unrecorded'`);
    expect(found).toEqual([]);
  });
});

async function exported(query = ''): Promise<ExportLine[]> {
  const headers = { authorization: `Bearer ${admin.token!}` };
  const answer = await fetch(`${latchkey.url}${PROOF}/export?${query}`, { headers });
  expect(answer.status).toBe(200);
  return linesOf(await answer.text());
}
const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ExportLine);

const signed = async () => done(await admin.get(`${PROOF}/checkpoints?limit=1000`)) as unknown as CheckpointListDto;

function verified(lines: readonly unknown[], given: Partial<CheckpointListDto> = {}) {
  const verifier = new ExportVerifier();
  for (const line of lines) verifier.take(JSON.stringify(line));
  const { checkpoints, publicKeys } = checkpointsIn(JSON.stringify(given));
  return verifier.report(checkpoints, publicKeys);
}

describe('the chain', () => {
  let lines: ExportLine[];
  let checkpoints: CheckpointListDto;
  const events = () => lines.filter((line): line is EventLine => line.type === 'event');
  const batches = () => lines.filter((line): line is BatchLine => line.type === 'batch');

  beforeAll(async () => {
    for (let batch = 0; batch < 3; batch += 1) {
      await tenant.given.token();
      await flushed();
      await sealed();
    }
    done(await admin.post(`${PROOF}/checkpoints`));
    lines = await exported();
    checkpoints = await signed();
  });

  it('has every event of the log once, and its export proves that with its checkpoints', async () => {
    const ids = events().map(({ event }) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
    const seen = new Set(ids);
    const before = lines.at(-1)!.type === 'end' ? events().at(-1)!.event.createdAt : '';
    const missing = (await logged()).filter(({ id, createdAt }) => createdAt < before && !seen.has(id));
    expect(missing).toEqual([]);
    const report = verified(lines, checkpoints);
    expect(report).toMatchObject({ verdict: 'proved', faults: [], events: ids.length, batches: batches().length });
    expect(report.confirmed).toBeGreaterThan(0);
  });

  const changed = (line: EventLine, change: object) => ({ ...line, event: { ...line.event, ...change } });

  it.each<[string, (all: ExportLine[]) => unknown[], RegExp]>([
    [
      'changed',
      (all) => all.map((line) => (line.type === 'event' ? changed(line, { ipAddress: '10.0.0.1' }) : line)),
      /not the one/,
    ],
    ['removed', (all) => all.filter((line) => line.type !== 'event' || line.index !== 0), /lacks the events 0/],
    [
      'inserted',
      (all) => all.flatMap((line): unknown[] => (line.type === 'event' ? [line, { ...line, index: 999 }] : [line])),
      /inserted/,
    ],
    ['repeated', (all) => all.flatMap((line): unknown[] => (line.type === 'event' ? [line, line] : [line])), /twice/],
    [
      'moved',
      (all): unknown[] => {
        const first = all.findIndex((line) => line.type === 'event');
        return [...all.slice(0, first), all[first + 1], all[first], ...all.slice(first + 2)];
      },
      /out of order/,
    ],
    ['taken with its batch', (all) => all.filter((line) => !isOfBatch(line, 2)), /missing or out of order/],
    [
      'cut from the end',
      (all) => all.filter((line) => line.type === 'end' || !isOfBatch(line, batches().at(-1)!.number)),
      /must be/,
    ],
  ])('shows that an event was %s, and where', (_, tamper, message) => {
    const { faults } = verified(tamper(lines), checkpoints);
    expect(faults.some((fault) => message.test(fault.message))).toBe(true);
  });

  it('shows by a checkpoint that it was written again from the start', () => {
    let previousHash = '0'.repeat(64);
    const rewritten = lines.map((line) => {
      if (line.type === 'end')
        return { ...line, chainHead: { ...line.chainHead, hash: previousHash }, count: line.count - 1 };
      if (line.type !== 'batch') return line;
      // One event less in the first batch, and every hash made to fit.
      const eventHashes = line.number === 1 ? line.eventHashes.slice(0, -1) : line.eventHashes;
      const hash = hashOfBatch({
        ...line,
        sealedAt: Date.parse(line.sealedAt),
        previousHash: Buffer.from(previousHash, 'hex'),
        eventHashes: eventHashes.map((one) => Buffer.from(one, 'hex')),
      }).toString('hex');
      const again = { ...line, eventHashes, previousHash, hash };
      previousHash = hash;
      return again;
    });
    const last = batches()[0]!.eventHashes.length - 1;
    const without = rewritten.filter((line) => !(line.type === 'event' && line.batch === 1 && line.index === last));
    expect(verified(without).faults).toEqual([]);
    expect(verified(without, checkpoints).faults[0]!.message).toMatch(/rewritten/);
  });

  it('takes no checkpoint that another key signed, or that was changed', () => {
    const [first, ...rest] = checkpoints.checkpoints;
    const forged = [{ ...first!, madeAt: '2026-01-01T00:00:00.000Z' }, ...rest];
    expect(verified(lines, { ...checkpoints, checkpoints: forged }).faults[0]!.message).toMatch(/not signed/);
    expect(verified(lines, { ...checkpoints, publicKeys: [] }).faults[0]!.message).toMatch(/not signed/);
  });

  it('is exported from any line on, and the parts together are proved like the whole', async () => {
    const { startDate, endDate } = lines.at(-1) as { startDate: string; endDate: string };
    const cuts = [0, 1, 2, Math.floor(lines.length / 2), lines.length - 2];
    for (const cut of cuts) {
      const rest = await exported(`startDate=${startDate}&endDate=${endDate}&cursor=${lines[cut]!.cursor}`);
      const report = verified([...lines.slice(0, cut + 1), ...rest], checkpoints);
      expect(report.faults).toEqual([]);
      expect(verified([...lines.slice(0, cut + 1), ...rest], await signed()).verdict).toBe('proved');
      // Reads of that time, which were recorded after the first export, follow it.
      expect(report.events).toBeGreaterThanOrEqual(events().length);
      expect(verified(lines.slice(0, cut + 1)).faults).toEqual([]);
      expect(verified(lines.slice(0, cut + 1)).unproved.join()).toMatch(/was cut/);
    }
  });

  it('is sealed once, however many nodes seal at the same time', async () => {
    const pools = latchkey.app.get(VerificationPools, { strict: false });
    const sealers = [1, 2, 3].map(
      () => new AuditLogSealer(latchkey.dataSource, pools, { maintenance: false } as never),
    );
    await Promise.all(
      Array.from({ length: 12 }, async (_, call) => {
        await tenant.given.identity();
        await sealers[call % 3]!.seal();
      }),
    );
    await sealed();
    const all = await exported();
    expect(verified(all, await signed()).faults).toEqual([]);
    await flushed();
    await sealed();
    const [left] = await latchkey.dataSource.query(
      `SELECT count(*)::int AS n FROM latchkey.audit_unsealed WHERE organization_id = $1`,
      [tenant.organizationId],
    );
    expect(left.n).toBe(0);
  });

  it('is exported and signed with every committed event, also while another node seals: the caller waits for it', async () => {
    const turn = latchkey.dataSource.createQueryRunner();
    await turn.startTransaction();
    await turn.query(`SELECT pg_advisory_xact_lock(hashtextextended('latchkey.seal_audit_log', 0))`);
    const identity = await tenant.given.identity();
    const export_ = exported();
    const checkpoint = admin.post(`${PROOF}/checkpoints`);
    const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
    while ((await latchkey.dataSource.query<unknown[]>(waiting)).length === 0) await new Promise(setImmediate);
    await turn.commitTransaction();
    await turn.release();
    expect(JSON.stringify(await export_)).toContain(identity);
    const { number } = done(await checkpoint).checkpoint as { number: number };
    const [{ sealed: last }] = await latchkey.dataSource.query<[{ sealed: string }]>(
      `SELECT number AS sealed FROM latchkey.audit_batches b JOIN latchkey.audit_logs e ON e.id = ANY (b.event_ids)
        WHERE e.event_metadata ->> 'identityId' = $1`,
      [identity],
    );
    expect(number).toBeGreaterThanOrEqual(Number(last));
  });

  it('takes in an event that was committed after later ones', async () => {
    const runner = latchkey.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(
      `WITH queued AS (INSERT INTO latchkey.audit_unsealed VALUES (now(), $2, $1))
       INSERT INTO latchkey.audit_logs (id, created_at, organization_id, event_type, outcome, actor_type, actor_metadata, event_metadata)
       VALUES ($2, now(), $1, 'late', 'success', 'host', '{}', '{}')`,
      [tenant.organizationId, NOBODY],
    );
    await tenant.given.identity();
    await sealed();
    await runner.commitTransaction();
    await runner.release();
    const all = await exported();
    expect(all.filter((line) => line.type === 'event' && line.event.event.type === 'late')).toHaveLength(1);
    expect(verified(all, await signed()).faults).toEqual([]);
  });

  it('takes in an event that was deleted from the queue, and the log of the node tells of it', async () => {
    const hidden = randomUUID();
    await latchkey.dataSource.query(
      `INSERT INTO latchkey.audit_logs (id, created_at, organization_id, event_type, outcome, actor_type, actor_metadata, event_metadata)
       VALUES ($2, now() - interval '1 minute', $1, 'hidden', 'success', 'host', '{}', '{}')`,
      [tenant.organizationId, hidden],
    );
    const search = () => latchkey.app.get(UnqueuedFinder, { strict: false }).runBatch();
    expect(JSON.stringify(await exported())).not.toContain(hidden);
    await search();
    const all = await exported();
    expect(all.filter((line) => line.type === 'event' && line.event.id === hidden)).toHaveLength(1);
    expect(verified(all, await signed()).verdict).toBe('proved');
    expect(latchkey.logs.filter((line) => line.includes('audit.unqueued_events'))).toHaveLength(1);
    await search();
    expect(latchkey.logs.filter((line) => line.includes('audit.unqueued_events'))).toHaveLength(1);
  });

  it('is checked from the command line, without a database', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-audit-'));
    const write = (name: string, text: string) => {
      writeFileSync(path.join(folder, name), text);
      return path.join(folder, name);
    };
    const file = write('export.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const keys = write('checkpoints.json', JSON.stringify(checkpoints));
    const forged = write(
      'forged.jsonl',
      lines.map((line) => JSON.stringify(line).replace('create-identity', 'update-identity')).join('\n'),
    );
    const main = path.join(__dirname, '../dist/src/main.js');
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, [main, 'audit-verify', ...args], { cwd: folder, env: {} }).catch(
        (error: { stdout: string; code: number }) => error,
      );
    const good = await run(file, '--checkpoints', keys);
    const bad = (await run(forged, '--checkpoints', keys, '--json')) as { stdout: string; code: number };
    const unsigned = (await run(file)) as { stdout: string; code: number };
    rmSync(folder, { recursive: true });
    expect(unsigned.stdout).toMatch(/NOT PROVED: No checkpoint names a batch/);
    expect(unsigned.code).toBe(3);
    expect(good.stdout).toMatch(/Proved: this is every event of organization/);
    expect(bad.code).toBe(1);
    const { faults } = JSON.parse(bad.stdout) as { faults: { line: number }[] };
    expect(faults[0]!.line).toBe(1 + lines.findIndex((line) => JSON.stringify(line).includes('create-identity')));
  });
});

function isOfBatch(line: ExportLine, number: number): boolean {
  return (line.type === 'batch' && line.number === number) || (line.type === 'event' && line.batch === number);
}

describe('the partitions', () => {
  const query = <Row>(sql: string, parameters: unknown[] = []) => latchkey.dataSource.query<Row[]>(sql, parameters);
  const months = async () => {
    const rows = await query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'latchkey.audit_logs'::regclass ORDER BY 1`,
    );
    return rows.map(({ name }) => name.replace(/.*audit_logs_/, ''));
  };
  const keep = () => latchkey.app.get(AuditPartitionKeeper, { strict: false }).runBatch();
  const append = (organizationId: string, at: string) =>
    query(
      `WITH queued AS (INSERT INTO latchkey.audit_unsealed VALUES (${at}, $2, $1))
       INSERT INTO latchkey.audit_logs (id, created_at, organization_id, event_type, outcome, actor_type, actor_metadata, event_metadata)
       VALUES ($2, ${at}, $1, 'old', 'success', 'host', '{}', '{}')`,
      [organizationId, randomUUID()],
    );
  /** The month in which the retention time begins: it is the first one that is kept. */
  const FIRST = `date_trunc('month', now() - interval '365 days', 'UTC')`;
  const monthsBefore = (count: number) => `(${FIRST} - interval '${count} months')`;

  /** An organization with a batch for each time, sealed two seconds later, in a partition of the month of that time. */
  async function old(...times: string[]): Promise<string> {
    const organizationId = randomUUID();
    for (const [index, at] of times.entries()) {
      const month = `date_trunc('month', ${at}, 'UTC') AT TIME ZONE 'UTC'`;
      const [part] = await query<{ name: string; from: string; to: string }>(
        `SELECT to_char(${month}, '"audit_logs_"YYYY_MM') AS name, to_char(${month}, 'YYYY-MM-DD"Z"') AS from,
                to_char(${month} + interval '1 month', 'YYYY-MM-DD"Z"') AS to`,
      );
      await query(`CREATE TABLE IF NOT EXISTS latchkey.${part!.name} PARTITION OF latchkey.audit_logs
        FOR VALUES FROM ('${part!.from}') TO ('${part!.to}')`);
      await append(organizationId, at);
      await sealed();
      await sealedAt(organizationId, index + 1, `last_at + interval '2 seconds'`);
    }
    return organizationId;
  }
  const sealedAt = (organizationId: string, number: number, at: string) =>
    query(`UPDATE latchkey.audit_batches SET sealed_at = ${at} WHERE organization_id = $1 AND number = $2`, [
      organizationId,
      number,
    ]);
  const numbersOf = async (organizationId: string) =>
    (
      await query<{ number: string }>(
        'SELECT number FROM latchkey.audit_batches WHERE organization_id = $1 ORDER BY 1',
        [organizationId],
      )
    ).map(({ number }) => Number(number));
  const chainOf = async (organizationId: string) =>
    (
      await query<Record<string, unknown>>('SELECT * FROM latchkey.audit_chains WHERE organization_id = $1', [
        organizationId,
      ])
    )[0]!;

  it('are made for this month and the next three, also while an old one cannot be removed', async () => {
    const before = await months();
    expect(before).toHaveLength(5);
    await query(`DROP TABLE latchkey.audit_logs_${before[3]}`);
    await old(monthsBefore(2));
    const aged = (await months())[0]!;
    const runner = latchkey.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`SELECT FROM latchkey.audit_logs_${aged}`);
    await expect(keep()).rejects.toThrow(/lock/);
    await runner.commitTransaction();
    await runner.release();
    expect(await months()).toEqual([aged, ...before]);
    await keep();
    expect(await months()).toEqual(before);
  });

  it('are removed with the batches before the first that is kept, and the chain goes on from its head', async () => {
    const idle = await old(monthsBefore(4), monthsBefore(3));
    // The third has an event that was committed late: it is older than that of the second.
    const late = await old(monthsBefore(3), FIRST, monthsBefore(3), 'now()');
    // As long as the third is within the retention time, its event stays.
    await sealedAt(late, 3, `now() - interval '10 days'`);
    while (await keep());
    expect([await numbersOf(idle), await numbersOf(late)]).toEqual([[2], [1, 2, 3, 4]]);
    await sealedAt(late, 3, `${FIRST} + interval '3 seconds'`);
    while (await keep());
    // The last batch of a chain stays, and so does what is behind the first that has events.
    expect([await numbersOf(idle), await numbersOf(late)]).toEqual([[2], [2, 3, 4]]);
    expect(await chainOf(late)).toMatchObject({ number: '4', first_kept: '2', is_pruned: true });
    await query('DELETE FROM latchkey.audit_batches WHERE organization_id = $1', [idle]);
    await append(idle, 'now()');
    await sealed();
    expect(await numbersOf(idle)).toEqual([3]);
  });

  it('that retention removed are proved by the checkpoints that follow', async () => {
    const { admin: own, organizationId } = await latchkey.given.organization('Old');
    await page('', own);
    await append(organizationId, monthsBefore(3));
    await sealed();
    const startDate = new Date(Date.now() - 90 * 86_400_000).toISOString();
    const proof = async () => {
      const lines = linesOf(
        await (
          await fetch(`${latchkey.url}${PROOF}/export?startDate=${startDate}`, {
            headers: { authorization: `Bearer ${own.token!}` },
          })
        ).text(),
      );
      return verified(lines, done(await own.get(`${PROOF}/checkpoints?limit=1000`)));
    };
    expect(await proof()).toMatchObject({ verdict: 'proved', notes: [] });
    // As if the chain were so old that its first batches were removed, and one event of the first that is left.
    await query(`ALTER TABLE latchkey.audit_logs DISABLE TRIGGER refuse_change`);
    await query(`DELETE FROM latchkey.audit_logs WHERE organization_id = $1 AND event_type = 'old'`, [organizationId]);
    await query(`ALTER TABLE latchkey.audit_logs ENABLE TRIGGER refuse_change`);
    expect((await proof()).faults[0]!.message).toMatch(/^Batch \d lacks 1 events, and no checkpoint/);
  });

  it('that took events without a month become partitions of their own, with an end', async () => {
    const organizationId = randomUUID();
    await query(
      `INSERT INTO latchkey.audit_logs (id, created_at, organization_id, event_type, outcome, actor_type, actor_metadata, event_metadata)
       VALUES ($2, '2019-05-05Z', $1, 'stray', 'success', 'host', '{}', '{}')`,
      [organizationId, randomUUID()],
    );
    await keep();
    while (await keep());
    expect(await query('SELECT FROM latchkey.audit_logs WHERE organization_id = $1', [organizationId])).toEqual([]);
    expect(await months()).toContain('default');
  });

  it('younger than 30 days stay, whatever the caller of the function says, and not every user may call it', async () => {
    await query(`SELECT latchkey.remove_audit_partition('infinity')`);
    const now = new Date().toISOString().slice(0, 7).replace('-', '_');
    expect(await months()).toContain(now);
    const callable = await query(
      `SELECT proname FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
        WHERE pronamespace = 'latchkey'::regnamespace AND prosecdef AND a.grantee = 0`,
    );
    expect(callable).toEqual([]);
  });
});
