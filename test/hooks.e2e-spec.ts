import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { Injectable, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import {
  type AccessTokenEvent,
  AccessTokenHooks,
  AccessTokenVerifier,
  type ChangeOptions,
  LatchkeyModule,
  type NewAccessToken,
  OnAccessToken,
} from '../src';
import { UsageCounter } from '../src/access-tokens/usage/usage.counter';
import { ChangeFeedService } from '../src/change-feed/change-feed.service';
import { MAX_WAITING } from '../src/changes/hooks/hook-lane';
import { TokenEventQueue } from '../src/changes/hooks/token-event.queue';
import { TokenEventStore } from '../src/changes/hooks/token-event.store';
import { VerificationPools } from '../src/database/connections/verification-pools';
import { MaintenanceRunner } from '../src/maintenance/maintenance.runner';
import { MAINTENANCE_JOBS, type MaintenanceJob } from '../src/maintenance/maintenance.job';
import { HEARD, type HookNode, startHookNode } from './support/hook-nodes';

const url = process.env.LATCHKEY_TEST_DATABASE!;
const authSecret = randomBytes(48).toString('base64');
const ADDRESS = '127.0.0.1';
const WAIT_MS = 20_000;

jest.setTimeout(60_000);

let nodes: HookNode[];
let node: HookNode;
let sql: Pool;
let organizationId: string;
let identityId: string;
const tenant = `tenant-${randomUUID()}`;

beforeAll(async () => {
  nodes = await Promise.all([1, 2, 3].map(() => startHookNode(url, authSecret)));
  node = nodes[0]!;
  sql = new Pool({ connectionString: url });
  ({ organizationId } = await node.identities.createOrganization({ name: 'Acme', externalId: tenant }));
  ({ identityId } = await node.identities.create({ organizationId, name: 'customer', role: 'admin' }));
});
beforeEach(() => {
  for (const { heard } of nodes) heard.fault = undefined;
});
afterAll(async () => {
  await sql.end();
  await Promise.all(nodes.map(({ app }) => app.close()));
});

async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`not within ${WAIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

type Ear = keyof typeof HEARD;
/** What all nodes have heard of a token. */
const heardOf = (tokenId: string, ear: Ear): AccessTokenEvent[] =>
  HEARD[ear].filter((event) => event.tokenId === tokenId);
const typesOf = (tokenId: string, ear: Ear) => heardOf(tokenId, ear).map(({ type }) => type);
const issue = (more: Partial<NewAccessToken> = {}, options: ChangeOptions = {}, { tokens } = node) =>
  tokens.issue({ identityId, name: 'key', ...more }, options);
const rowsOf = async (tokenId: string) =>
  (
    await sql.query<{ type: string; settled_at: Date | null }>(
      'SELECT type, settled_at FROM latchkey.token_events WHERE subject = $1 ORDER BY position',
      [tokenId],
    )
  ).rows;
/** When nothing of a token is left to deliver. */
const allDelivered = (tokenId: string) =>
  until(async () => (await rowsOf(tokenId)).every(({ settled_at }) => settled_at !== null), 'everything is delivered');
const verify = (accessToken: string, { app } = node, address = ADDRESS) =>
  app.get(AccessTokenVerifier).verify(accessToken, address);
const flushUses = () => Promise.all(nodes.map(({ app }) => app.get(UsageCounter, { strict: false }).flush()));

describe('a handler', () => {
  it('hears of each change who made it and to which token, and never the token', async () => {
    const { accessToken } = await node.tokens.issue({ identityId, name: 'manager' });
    const base = await node.app.getUrl();
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
    const made = await fetch(`${base}/api/v1/auth/token-auth/identities/${identityId}/tokens`, {
      method: 'POST',
      headers: { ...headers, 'x-request-id': 'request-7' },
      body: JSON.stringify({ name: 'by wire' }),
    });
    const requestId = made.headers.get('x-request-id');
    const { accessToken: jwt, tokenData } = (await made.json()) as { accessToken: string; tokenData: { id: string } };
    const tokenId = tokenData.id;
    await until(() => heardOf(tokenId, 'inMemory').length + heardOf(tokenId, 'fromOutbox').length === 2, 'issued');
    const manager = (await verify(accessToken)).tokenId;
    for (const ear of ['inMemory', 'fromOutbox'] as const) {
      const [event] = heardOf(tokenId, ear);
      expect(event).toEqual({
        id: expect.any(String),
        type: 'issued',
        at: expect.any(Date),
        ...{ tokenId, identityId, organizationId, organizationExternalId: tenant },
        ...{ name: 'by wire', externalId: null, metadata: {}, requestId, address: ADDRESS },
        actor: { kind: 'identity', identityId, tokenId: manager },
      });
      expect(Math.abs(event!.at.getTime() - Date.now())).toBeLessThan(WAIT_MS);
    }
    const all = JSON.stringify((await sql.query('SELECT * FROM latchkey.token_events')).rows);
    expect(all).toContain(tokenId);
    for (const secret of [jwt, accessToken]) expect(all).not.toContain(secret.slice(-20));
  });

  it('hears of a change by code, of a rotation, and of many tokens that end at once', async () => {
    const settings = { externalId: `key-${randomUUID()}`, metadata: { plan: 'gold' } };
    const { tokenId } = await issue(settings);
    const { tokenId: newTokenId } = await node.tokens.rotate(tokenId, { graceSeconds: 60 });
    await node.tokens.revoke(newTokenId);
    const other = await node.identities.create({ organizationId, name: 'other' });
    await node.tokens.revokeAll({ identityId: other.identityId });
    const inOther = await issue({ identityId: other.identityId });
    await node.tokens.revokeAll({ identityId: other.identityId });
    await node.identities.delete(other.identityId);
    for (const ear of ['inMemory', 'fromOutbox'] as const) {
      const ofOther = () => HEARD[ear].filter((event) => event.identityId === other.identityId);
      await until(() => ofOther().length === 3 && typesOf(newTokenId, ear).length === 1, 'everything is heard');
      expect(typesOf(tokenId, ear)).toEqual(['issued', 'rotated']);
      expect(heardOf(tokenId, ear)[1]).toMatchObject({ ...settings, newTokenId, actor: { kind: 'host' }, name: 'key' });
      expect(heardOf(newTokenId, ear)).toMatchObject([{ type: 'revoked', reason: 'revoked', ...settings }]);
      const [issued, ...ended] = ofOther();
      expect(issued).toMatchObject({ type: 'issued', tokenId: inOther.tokenId });
      expect(ended).toMatchObject([
        { reason: 'all_revoked', tokenId: null },
        { reason: 'identity_deleted', tokenId: null },
      ]);
    }
  });

  // Seen red: told before the commit; kept on another connection than that of the change.
  it('hears nothing of what is rolled back. In a transaction of the host, the outbox alone tells of the commit', async () => {
    const dataSource = await new DataSource({ type: 'postgres', url }).initialize();
    const rolledBack: string[] = [];
    const failing = dataSource.transaction(async (manager) => {
      rolledBack.push((await issue({}, { manager })).tokenId);
      throw new Error('the host gives up');
    });
    await expect(failing).rejects.toThrow('gives up');
    const manager = (await dataSource.transaction((tx) => issue({}, { manager: tx }))).tokenId;
    await dataSource.destroy();
    const own = await sql.connect();
    await own.query('BEGIN');
    const client = (await issue({}, { client: own })).tokenId;
    await node.tokens.revoke(client, { client: own });
    const query = async (text: string, values: unknown[]) => (await own.query(text, values)).rows;
    const queried = (await issue({}, { query })).tokenId;
    await node.app.get(TokenEventQueue, { strict: false }).flush();
    expect(heardOf(client, 'fromOutbox')).toEqual([]);
    await own.query('COMMIT');
    own.release();
    await until(
      () => typesOf(client, 'fromOutbox').length === 2 && heardOf(queried, 'fromOutbox').length === 1,
      'a poll',
    );
    await until(() => heardOf(manager, 'fromOutbox').length === 1, 'the first transaction');
    expect(typesOf(client, 'fromOutbox')).toEqual(['issued', 'revoked']);
    for (const tokenId of [...rolledBack, manager, client, queried]) expect(heardOf(tokenId, 'inMemory')).toEqual([]);
    expect(heardOf(rolledBack[0]!, 'fromOutbox')).toEqual([]);
  });

  // Seen red: a queue without a bound.
  it('that throws or hangs changes no answer and holds nothing up, and too many events are counted as lost', async () => {
    const hooks = node.app.get(AccessTokenHooks, { strict: false });
    const before = hooks.counts;
    const hanging = await issue();
    const isOurs = ({ tokenId }: AccessTokenEvent) => tokenId === hanging.tokenId;
    await until(() => heardOf(hanging.tokenId, 'inMemory').length === 1, 'the first event');
    await allDelivered(hanging.tokenId);
    const letGo: (() => void)[] = [];
    node.heard.fault = (event) => {
      if (!isOurs(event)) throw new Error('a broken handler');
      return new Promise<void>((resolve) => letGo.push(resolve));
    };
    const failing = await issue();
    await until(() => hooks.counts.failed > before.failed, 'the failure is counted');
    await node.tokens.revoke(hanging.tokenId);
    await until(() => typesOf(hanging.tokenId, 'inMemory').length === 2, 'the handler hangs');
    // Another handler hears the events that wait behind the one that hangs. Seen red: the next batch waited for every handler.
    const { tokenId: later } = await issue();
    await node.tokens.revoke(later);
    await until(() => heardOf(later, 'inMemoryToo').length === 1, 'another handler hears of it');
    expect(typesOf(later, 'inMemory')).toEqual([]);
    const queue = node.app.get(TokenEventQueue, { strict: false });
    const event = { type: 'issued', at: 0, tokenId: failing.tokenId, identityId, organizationId } as const;
    const origin = { actor: { kind: 'host' }, requestId: null, address: null } as const;
    queue.add(Array.from({ length: MAX_WAITING + 7 }, () => ({ ...event, ...origin, id: randomUUID() })));
    const { lost } = hooks.counts;
    expect(lost - before.lost).toBeGreaterThanOrEqual(7);
    node.heard.fault = undefined;
    letGo.forEach((go) => go());
    await until(() => heardOf(failing.tokenId, 'inMemory').length >= MAX_WAITING - 10, 'the rest is heard');
    await allDelivered(hanging.tokenId);
  });

  it('must be one instance, and listen to an event that exists', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @OnAccessToken('issued')
      note() {
        return undefined;
      }
    }
    const module = {
      module: class HostModule {},
      imports: [LatchkeyModule.forRoot({ database: { url }, authSecret, migrate: 'never' })],
      providers: [PerRequest],
    };
    const settings = { logger: false, abortOnError: false } as const;
    await expect(NestFactory.createApplicationContext(module, settings)).rejects.toThrow(
      'PerRequest.note must not be request-scoped or transient',
    );
    expect(() => OnAccessToken('used' as 'issued')).toThrow('OnAccessToken takes one of issued, rotated, revoked');
    expect(() => OnAccessToken('issued', { once: true } as object)).toThrow('once is not an option of OnAccessToken');
    expect(() => OnAccessToken('refused', { atLeastOnce: true })).toThrow('refused cannot be delivered at least once');
  });
});

describe('on three nodes', () => {
  // Seen red: an event that is taken over stays due; a later event of a token does not wait for an earlier one.
  it('each event of the outbox is delivered once, those of a token in order', async () => {
    const keys = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const { tokens } = nodes[index % 3]!;
        const { tokenId } = await tokens.issue({ identityId, name: `raced ${index}` });
        await nodes[(index + 1) % 3]!.tokens.rotate(tokenId, { graceSeconds: 60 });
        await nodes[(index + 2) % 3]!.tokens.revoke(tokenId);
        return tokenId;
      }),
    );
    for (const tokenId of keys) await allDelivered(tokenId);
    for (const tokenId of keys) {
      expect(typesOf(tokenId, 'fromOutbox')).toEqual(['issued', 'rotated', 'revoked']);
      expect(heardOf(tokenId, 'besides')).toHaveLength(1);
      expect((await rowsOf(tokenId)).map(({ type }) => type)).toEqual(['issued', 'rotated', 'revoked']);
    }
    expect(new Set(HEARD.fromOutbox.map(({ id }) => id)).size).toBe(HEARD.fromOutbox.length);
  });

  // Seen red: each written use counts as the first.
  it.each([null, 1_000])('a first use is told once, with a limit of %s', async (usesLimit) => {
    const { tokenId, accessToken } = await issue({ usesLimit });
    await Promise.all(Array.from({ length: 30 }, (_, index) => verify(accessToken, nodes[index % 3])));
    for (let flush = 0; flush < 3; flush += 1) await flushUses();
    await verify(accessToken, nodes[1]);
    await flushUses();
    await allDelivered(tokenId);
    await until(() => typesOf(tokenId, 'inMemory').includes('firstUsed'), 'the first use is told');
    for (const ear of ['inMemory', 'fromOutbox'] as const) {
      const first = heardOf(tokenId, ear).filter(({ type }) => type === 'firstUsed');
      expect(first).toMatchObject([{ identityId, organizationId, name: 'key', actor: { kind: 'system' } }]);
    }
    expect((await node.tokens.get(tokenId))!.uses).toBe(31);
  });

  it('an end is told once, that of a replaced token too, and that of a revoked one not at all', async () => {
    const soon = () => ({ expiresAt: new Date(node.clock.now().getTime() + 3_000) });
    const ended = await issue(soon());
    const revoked = await issue(soon());
    await node.tokens.revoke(revoked.tokenId);
    const replaced = await issue({ expiresAt: null });
    await node.tokens.rotate(replaced.tokenId, { graceSeconds: 3 });
    const job = (of: HookNode) =>
      of.app
        .get<MaintenanceJob[]>(MAINTENANCE_JOBS, { strict: false })
        .find(({ constructor: { name } }) => name === 'EndedTokenTeller')!;
    const tell = () => Promise.all(nodes.map((one) => job(one).runBatch()));
    for (const { app } of nodes) await app.get(ChangeFeedService, { strict: false }).catchUp();
    await tell();
    expect(typesOf(ended.tokenId, 'inMemory')).not.toContain('expired');
    for (const { clock } of nodes) clock.advance(10);
    for (let round = 0; round < 3; round += 1) await tell();
    for (const { clock } of nodes) clock.reset();
    await Promise.all([ended, revoked, replaced].map(({ tokenId }) => allDelivered(tokenId)));
    for (const ear of ['inMemory', 'fromOutbox'] as const) {
      const told = (tokenId: string) => heardOf(tokenId, ear).filter(({ type }) => type === 'expired');
      expect(told(ended.tokenId)).toMatchObject([{ reason: 'expired', identityId, name: 'key' }]);
      expect(told(replaced.tokenId)).toMatchObject([{ reason: 'rotated' }]);
      expect(told(revoked.tokenId)).toEqual([]);
    }
  });
});

describe('refusals', () => {
  it('of a genuine token are one event for each reason, with their number', async () => {
    const { tokenId, accessToken } = await issue({ trustedIps: ['127.0.0.1'] });
    for (let use = 0; use < 5; use += 1) await verify(accessToken, node, '203.0.113.9').catch(() => undefined);
    await node.tokens.disable(tokenId);
    await verify(accessToken).catch(() => undefined);
    const refusals = () => heardOf(tokenId, 'inMemory').filter(({ type }) => type === 'refused');
    await until(() => refusals().length === 2, 'two reasons');
    expect(refusals()).toMatchObject([
      { reason: 'address_not_trusted', count: 5, address: '203.0.113.9', identityId, organizationId },
      { reason: 'access_token_disabled', count: 1, address: ADDRESS },
    ]);
  });
});

describe('an event of the outbox', () => {
  // Seen red: later events do not wait; no event is given up; each attempt calls every handler.
  it('is repeated for the handler alone that failed, holds up its own token alone, and becomes a dead letter', async () => {
    const failing = await issue();
    const of = (tokenId: string) => heardOf(tokenId, 'fromOutbox').length;
    await until(() => of(failing.tokenId) === 1, 'a first delivery');
    let failures = 0;
    for (const { heard } of nodes) {
      heard.fault = ({ tokenId, type, name }, ear) => {
        if (tokenId === failing.tokenId && type === 'rotated') throw new Error('away');
        if (name === 'flaky' && ear === 'fromOutbox' && (failures += 1) === 1) throw new Error('away for now');
      };
    }
    await node.tokens.rotate(failing.tokenId, { graceSeconds: 60 });
    await node.tokens.revoke(failing.tokenId);
    const flaky = await issue({ name: 'flaky' });
    const other = await issue();
    await until(() => of(other.tokenId) === 1, 'other tokens');
    const dueAgain = () =>
      sql.query(
        `UPDATE latchkey.token_events SET attempts = greatest(attempts, 14), due_at = now()
          WHERE subject = $1 AND type = 'rotated' AND settled_at IS NULL`,
        [failing.tokenId],
      );
    const hooks = node.app.get(AccessTokenHooks, { strict: false });
    const letters = async () => (await hooks.deadLetters()).filter(({ event }) => event.tokenId === failing.tokenId);
    expect(typesOf(failing.tokenId, 'fromOutbox')).toEqual(['issued']);
    await until(() => of(flaky.tokenId) === 1, 'the repeated delivery');
    expect(heardOf(flaky.tokenId, 'besides')).toHaveLength(1);
    await until(async () => {
      await dueAgain();
      return (await letters()).length === 1;
    }, 'it is given up');
    await until(() => of(failing.tokenId) === 2, 'the later event is delivered');
    expect(typesOf(failing.tokenId, 'fromOutbox')).toEqual(['issued', 'revoked']);
    expect(nodes.reduce((sum, { app }) => sum + app.get(AccessTokenHooks, { strict: false }).counts.givenUp, 0)).toBe(
      1,
    );
    const [letter] = await letters();
    expect(letter).toMatchObject({ attempts: 16, event: { type: 'rotated', at: expect.any(Date) } });
    for (const { heard } of nodes) heard.fault = undefined;
    expect(await hooks.redeliver(letter!.event.id)).toBe(true);
    expect(await hooks.redeliver(letter!.event.id)).toBe(false);
    await until(() => of(failing.tokenId) === 3, 'the dead letter is delivered');
    expect(heardOf(failing.tokenId, 'fromOutbox')[2]!.id).toBe(letter!.event.id);
    await expect(hooks.deadLetters(0)).rejects.toThrow('limit must be 1 to 1000');
  });

  // Seen red: in the order of their positions, events that fail again and again come before each new one.
  it('that fails again and again comes behind one that has been due for longer', async () => {
    const store = node.app.get(TokenEventStore, { strict: false });
    // No node asks for events of this kind: this test alone takes them over.
    const [again, fresh] = [randomUUID(), randomUUID()];
    const insert = `INSERT INTO latchkey.token_events (id, type, subject, told, attempts, due_at)
      VALUES ($1::uuid, 'refused', $1::uuid, jsonb_build_object('id', $1::uuid), $2, now() - $3 * interval '1 second')`;
    await sql.query(insert, [again, 3, 1]);
    await sql.query(insert, [fresh, 0, 2]);
    const run = node.app.get(VerificationPools, { strict: false }).writer();
    const next = async () => (await store.claim(run, ['refused'], 1))[0]!.told.id;
    expect([await next(), await next()]).toEqual([fresh, again]);
    await sql.query(`DELETE FROM latchkey.token_events WHERE type = 'refused'`);
  });

  // Seen red: settled before the handlers were called.
  it('outlives kill -9 between its commit and its delivery', async () => {
    const { identityId: owner } = await node.identities.create({ organizationId, name: 'killed' });
    const env = { ...process.env, DATABASE_URL: url, AUTH_SECRET: authSecret, IDENTITY_ID: owner };
    for (const { heard } of nodes)
      heard.fault = ({ name }) => name === 'survives' && Promise.reject(new Error('not here'));
    const file = path.join(__dirname, 'support/hook-process.ts');
    const signal = await new Promise((resolve) =>
      execFile(process.execPath, ['-r', '@swc-node/register', file], { env }, (error) =>
        resolve(error?.signal ?? error),
      ),
    );
    expect(signal).toBe('SIGKILL');
    for (const { heard } of nodes) heard.fault = undefined;
    const [row] = (
      await sql.query<{ subject: string }>(
        `UPDATE latchkey.token_events SET due_at = now() WHERE told ->> 'identityId' = $1 RETURNING subject`,
        [owner],
      )
    ).rows;
    await until(() => heardOf(row!.subject, 'fromOutbox').length === 1, 'another node delivers it');
    expect(heardOf(row!.subject, 'fromOutbox')).toMatchObject([
      { type: 'issued', name: 'survives', identityId: owner },
    ]);
    await allDelivered(row!.subject);
  });

  // Seen red: rows for events without a handler.
  it('is removed a day after it was delivered, and no row is written where no handler asks for one', async () => {
    const { tokenId } = await issue();
    await until(() => heardOf(tokenId, 'fromOutbox').length === 1, 'the delivery');
    await allDelivered(tokenId);
    const clear = () => node.app.get(MaintenanceRunner, { strict: false }).run();
    await clear();
    expect(await rowsOf(tokenId)).toHaveLength(1);
    await sql.query(`UPDATE latchkey.token_events SET settled_at = now() - interval '25 hours' WHERE subject = $1`, [
      tokenId,
    ]);
    await clear();
    expect(await rowsOf(tokenId)).toEqual([]);
    const silent = await startHookNode(url, authSecret, false);
    const quiet = await issue({}, {}, silent);
    await verify(quiet.accessToken, silent);
    await silent.app.get(UsageCounter, { strict: false }).flush();
    await silent.tokens.revoke(quiet.tokenId);
    expect(await rowsOf(quiet.tokenId)).toEqual([]);
    await silent.app.close();
  });
});
