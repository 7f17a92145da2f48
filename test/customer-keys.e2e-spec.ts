import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { AccessTokenVerifier } from '../src/access-tokens/verification/access-token.verifier';
import { ChangeFeedService } from '../src/change-feed/change-feed.service';
import { AccessTokens } from '../src/host-api/access-tokens';
import type { ChangeOptions } from '../src/host-api/host-transaction.service';
import type { NewAccessToken } from '../src/host-api/key-types';
import { MachineIdentities } from '../src/host-api/machine-identities';
import { MaintenanceRunner } from '../src/maintenance/maintenance.runner';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const BOUND_MS = 300;
const ADDRESS = '127.0.0.1';
const HOUR = 3_600;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let nodes: TestLatchkey[];
let latchkey: TestLatchkey;
let tokens: AccessTokens;
let identities: MachineIdentities;
let organizationId: string;
let identityId: string;

beforeAll(async () => {
  const database = { url: process.env.LATCHKEY_TEST_DATABASE!, pushUrl: false as const };
  const options = { revocationBoundMs: BOUND_MS, database, permissions: { 'files:read': ['member'] } };
  latchkey = await startLatchkey(options);
  const again = () => startLatchkey({ ...options, authSecret: latchkey.authSecret }, { isBootstrapped: false });
  nodes = [latchkey, await again(), await again()];
  tokens = latchkey.app.get(AccessTokens);
  identities = latchkey.app.get(MachineIdentities);
  ({ organizationId } = await identities.createOrganization({ name: 'Acme', externalId: `tenant-${randomUUID()}` }));
  ({ identityId } = await identities.create({ organizationId, name: 'customer' }));
});
afterAll(() => Promise.all(nodes.map((node) => node.stop())));

const issue = (more: Partial<NewAccessToken> = {}) => tokens.issue({ identityId, name: 'key', ...more });
const on = (index: number) => nodes[index]!.app.get(AccessTokens);
const verify = (accessToken: string, node = latchkey, address = ADDRESS) =>
  node.app.get(AccessTokenVerifier).verify(accessToken, address);
const codeOf = (act: Promise<unknown>) =>
  act.then(
    () => 'done',
    (error: { errorCode?: string; constructor: { name: string } }) => error.errorCode ?? error.constructor.name,
  );
/** On each node: `done`, or the code of the refusal. */
const answers = (accessToken: string) => Promise.all(nodes.map((node) => codeOf(verify(accessToken, node))));
const everyNode = (answer: string) => nodes.map(() => answer);
const settled = () => Promise.all(nodes.map((node) => node.app.get(ChangeFeedService).catchUp()));

describe('a key of a customer', () => {
  it('has what it was issued with, is found by the id of the host, and ends for no policy', async () => {
    const settings = {
      externalId: `key-${randomUUID()}`,
      permissions: { files: ['read'] },
      metadata: { plan: 'gold' },
      trustedIps: ['127.0.0.0/8', '10.1.2.3'],
      expiresAt: null,
    };
    const { tokenId, accessToken, expiresAt } = await issue(settings);
    expect(expiresAt).toBeNull();
    const found = await tokens.find({ externalId: settings.externalId, organizationId });
    expect(found).toMatchObject({ tokenId, identityId, organizationId, name: 'key', state: 'active', ...settings });
    expect(found).toMatchObject({ uses: 0, usesLimit: null, usesRefill: null, rotatedTo: null, lastUsedAt: null });
    expect(await tokens.get(tokenId, { organizationId })).toEqual(found);
    const caller = await verify(accessToken);
    expect(caller).toMatchObject({
      permissions: { files: ['read'] },
      tokenMetadata: { plan: 'gold' },
      expiresAt: null,
    });
    expect(caller.externalId).toBe(settings.externalId);
    expect(await codeOf(verify(accessToken, latchkey, '203.0.113.1'))).toBe('address_not_trusted');
    expect(await codeOf(issue({ externalId: settings.externalId }))).toBe('external_id_taken');
  });

  it('ends when the host said, whatever maxTokenAgeSeconds is, and not by a renewal', async () => {
    const year = new Date(Date.now() + 365 * 24 * HOUR * 1_000);
    const { accessToken, expiresAt } = await issue({ expiresAt: year });
    expect(Math.floor(year.getTime() / 1_000) * 1_000).toBe(expiresAt!.getTime());
    const soon = await issue({ expiresAt: new Date(latchkey.clock.now().getTime() + 2_000) });
    const renewed = await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: soon.accessToken });
    expect((renewed.body as { expiresIn: number }).expiresIn).toBeLessThanOrEqual(2);
    await pause(2_000);
    expect(await codeOf(verify(soon.accessToken))).toBe('access_token_expired');
    expect(await tokens.get(soon.tokenId)).toMatchObject({ state: 'expired' });
    expect(await codeOf(verify(accessToken))).toBe('done');
  });

  it('is refused with a sentence for what it cannot be, and nothing is made', async () => {
    const listed = async () => (await tokens.list({ identityId, limit: 100 })).tokens.map(({ tokenId }) => tokenId);
    const { tokenId } = await issue();
    const before = await listed();
    const wrong: [Partial<Record<keyof NewAccessToken, unknown>>, string][] = [
      [{ expiresAt: new Date(0) }, 'expiresAt: Expected a time at least a second from now'],
      [{ expiresAt: 0 }, 'expiresAt: Expected a Date, or null for a key that never ends'],
      [{ expiresAt: new Date(NaN) }, 'expiresAt: Expected a Date, or null for a key that never ends'],
      [{ externalId: '' }, 'externalId: Expected text of 1 to 255 characters without control characters'],
      [{ permissions: ['files:read'] }, 'permissions: Expected up to 100 subjects'],
      [{ permissions: { files: 'read' } }, 'permissions: Expected up to 100 subjects'],
      [{ permissions: JSON.parse('{"__proto__":["read"]}') as object }, 'permissions: Expected up to 100 subjects'],
      [{ metadata: { plan: 1 } }, 'metadata: Expected up to 100 labels'],
      [{ usesLimit: 0 }, 'usesLimit: Expected a whole number from 1'],
      [{ usesRefill: { amount: 1, everySeconds: 1 } }, 'usesRefill: Needs a usesLimit'],
      [{ usesLimit: 1, usesRefill: { amount: 1, everySeconds: 1, more: 1 } }, 'usesRefill: Expected'],
      [{ trustedIps: [] }, 'trustedIps: Expected a list of 1 to 256'],
      [{ trustedIps: ['no address'] }, 'The IP is not a valid IPv4, IPv6, or CIDR block'],
      [{ externalId: 1, usesLimit: -1 }, 'externalId: Expected'],
    ];
    for (const [input, message] of wrong) {
      await expect(issue(input as Partial<NewAccessToken>)).rejects.toThrow(message);
    }
    await expect(issue({ scopes: ['read'] } as Partial<NewAccessToken>)).rejects.toThrow(
      /^issue knows no scopes: it takes .*externalId/,
    );
    const ofOne = { identityId: undefined, organizationId } as { organizationId: string };
    expect((await tokens.list(ofOne)).tokens.map(({ tokenId }) => tokenId)).toContain(tokenId);
    await expect(tokens.list({} as { identityId: string })).rejects.toThrow('either identityId or organizationId');
    expect(await listed()).toEqual(before);
  });

  it('is of the organization that the caller names, or does not exist', async () => {
    const { organizationId: other } = await identities.createOrganization({ name: 'Other' });
    const { tokenId } = await issue({ externalId: 'mine' });
    for (const foreign of [other, randomUUID(), 'acme']) {
      const options = { organizationId: foreign };
      expect(await tokens.get(tokenId, options)).toBeNull();
      expect(await tokens.find({ externalId: 'mine', organizationId: foreign })).toBeNull();
      expect((await tokens.list({ identityId }, options)).tokens).toEqual([]);
      expect(await tokens.disable(tokenId, options)).toBe(false);
      expect(await codeOf(tokens.rename(tokenId, 'x', options))).toBe('token_not_found');
      expect(await codeOf(tokens.rotate(tokenId, { graceSeconds: 0 }, options))).toBe('token_not_found');
      expect(await tokens.revokeAll({ identityId }, options)).toBe(0);
      expect(await tokens.revokeAll({ organizationId }, options)).toBe(0);
    }
    for (const nonsense of ['', 'x', randomUUID()]) {
      expect(await tokens.get(nonsense)).toBeNull();
      expect(await codeOf(tokens.rename(nonsense, 'x'))).toBe('token_not_found');
      expect(await tokens.enable(nonsense)).toBe(false);
    }
    expect(await tokens.get(tokenId)).toMatchObject({ name: 'key', state: 'active' });
  });

  // Seen red: the change left out of what is noted.
  it('is changed, disabled and enabled on every node within the bound, and not once it is revoked', async () => {
    const { tokenId, accessToken } = await issue({ expiresAt: null });
    expect(await answers(accessToken)).toEqual(everyNode('done'));
    expect(await on(1).disable(tokenId)).toBe(true);
    expect(await on(1).disable(tokenId)).toBe(false);
    await pause(BOUND_MS);
    expect(await answers(accessToken)).toEqual(everyNode('access_token_disabled'));
    expect(await on(2).enable(tokenId)).toBe(true);
    await pause(BOUND_MS);
    expect(await answers(accessToken)).toEqual(everyNode('done'));
    const changed = await on(1).update(tokenId, {
      name: 'renamed',
      permissions: { files: [] },
      metadata: { plan: 'silver' },
      trustedIps: ['10.0.0.0/8'],
      usesLimit: 5,
    });
    expect(changed).toMatchObject({
      name: 'renamed',
      permissions: { files: [] },
      trustedIps: ['10.0.0.0/8'],
      usesLimit: 5,
    });
    await pause(BOUND_MS);
    expect(await answers(accessToken)).toEqual(everyNode('address_not_trusted'));
    const cleared = { permissions: null, metadata: null, trustedIps: null, usesLimit: null };
    expect(await tokens.update(tokenId, cleared)).toMatchObject({ ...cleared, metadata: {}, name: 'renamed' });
    const end = new Date(Date.now() + HOUR * 1_000);
    expect((await tokens.update(tokenId, { expiresAt: end })).expiresAt).toEqual(end);
    expect((await tokens.update(tokenId, { expiresAt: null })).expiresAt).toBeNull();
    expect(await tokens.revoke(tokenId)).toBe(true);
    expect(await codeOf(tokens.rename(tokenId, 'late'))).toBe('token_ended');
    expect(await tokens.enable(tokenId)).toBe(false);
    expect(await tokens.get(tokenId)).toMatchObject({ state: 'revoked', name: 'renamed' });
  });

  it('whose JWT ends cannot be given a later end, and says what to do', async () => {
    const end = new Date(Date.now() + HOUR * 1_000);
    const { tokenId } = await issue({ expiresAt: end });
    for (const expiresAt of [null, new Date(end.getTime() + 60_000)]) {
      await expect(tokens.update(tokenId, { expiresAt })).rejects.toThrow('rotate it for a later end');
    }
    const sooner = new Date(Date.now() + 60_000);
    expect((await tokens.update(tokenId, { expiresAt: sooner })).expiresAt).toEqual(sooner);
  });

  it('gets uses back at each interval, exactly so many, however many requests come at once', async () => {
    const { tokenId, accessToken } = await issue({ usesLimit: 3, usesRefill: { amount: 2, everySeconds: HOUR } });
    const burst = async () => {
      const spent = await Promise.all([...nodes, ...nodes, ...nodes].map((node) => codeOf(verify(accessToken, node))));
      return spent.filter((answer) => answer === 'done').length;
    };
    const back = (hours: number) =>
      latchkey.dataSource.query(
        `UPDATE latchkey.identity_access_tokens SET uses_refilled_at = uses_refilled_at - $2 * interval '1 hour' WHERE id = $1`,
        [tokenId, hours],
      );
    expect(await burst()).toBe(3);
    expect(await tokens.get(tokenId)).toMatchObject({ state: 'used-up', uses: 3, usesLeft: 0 });
    await back(1);
    await pause(1_100);
    expect(await burst()).toBe(2);
    // As many as the limit, and no more, after a long time.
    await back(50);
    await pause(1_100);
    expect(await tokens.get(tokenId)).toMatchObject({ state: 'active', usesLeft: 3 });
    expect(await burst()).toBe(3);
    expect(await tokens.get(tokenId)).toMatchObject({ uses: 8, usesLeft: 0 });
  });
});

describe('a list of keys', () => {
  it('is read by one statement a page, along an index, at any depth, in any state', async () => {
    const { identityId: own } = await identities.create({ organizationId, name: 'listed' });
    const issued: string[] = [];
    for (let count = 0; count < 7; count += 1) issued.unshift((await issue({ identityId: own })).tokenId);
    await tokens.disable(issued[2]!);
    await tokens.revoke(issued[5]!);
    const walk = async (of: object, state?: 'active' | 'disabled') => {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await tokens.list({ ...of, limit: 3, cursor, state } as Parameters<AccessTokens['list']>[0]);
        ids.push(...page.tokens.map(({ tokenId }) => tokenId));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      return ids;
    };
    expect(await walk({ identityId: own })).toEqual(issued);
    expect((await walk({ organizationId })).slice(0, 7)).toEqual(issued);
    expect(await walk({ identityId: own }, 'disabled')).toEqual([issued[2]]);
    expect(await walk({ identityId: own }, 'active')).toEqual(issued.filter((_, index) => index !== 2 && index !== 5));
    await expect(tokens.list({ identityId: own, cursor: 'no cursor' })).rejects.toThrow('Not a cursor of this list');
    await expect(tokens.list({ identityId: own, limit: 101 })).rejects.toThrow('limit: Expected');
    await expect(tokens.list({ identityId: own, state: 'dead' as 'active' })).rejects.toThrow('state: Expected one of');

    const statements: string[] = [];
    const host = await new DataSource({ type: 'postgres', url: process.env.LATCHKEY_TEST_DATABASE! }).initialize();
    await host.transaction(async (manager) => {
      const counting = {
        isTransactionActive: true,
        query: (sql: string, parameters?: unknown[]) => {
          statements.push(sql);
          return manager.query<unknown>(sql, parameters);
        },
      };
      await tokens.list({ organizationId, limit: 3 }, { manager: counting });
      expect(statements).toHaveLength(1);
      await manager.query('SET LOCAL enable_seqscan = off');
      const explained = await manager.query<{ 'QUERY PLAN': string }[]>(
        `EXPLAIN SELECT id FROM latchkey.identity_access_tokens t
          WHERE t.organization_id = '${organizationId}' AND t.auth_method = 'token-auth'
            AND (t.created_at, t.id) < (now(), '${randomUUID()}') ORDER BY t.created_at DESC, t.id DESC LIMIT 4`,
      );
      const plan = explained.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toMatch(/Index (Only )?Scan Backward using ix_identity_access_tokens_keys/);
      expect(plan).not.toMatch(/Sort/);
    });
    await host.destroy();
  });

  it('of an identity, or of an organization, is revoked as a whole: but not the last administrator', async () => {
    const { organizationId: own } = await identities.createOrganization({ name: 'Whole' });
    const { identityId: one } = await identities.create({ organizationId: own, name: 'one' });
    const { identityId: two } = await identities.create({ organizationId: own, name: 'two' });
    const keys = [await issue({ identityId: one }), await issue({ identityId: one }), await issue({ identityId: two })];
    expect(await tokens.revokeAll({ identityId: one })).toBe(2);
    expect(await tokens.revokeAll({ identityId: one })).toBe(0);
    await pause(BOUND_MS);
    expect(await answers(keys[0]!.accessToken)).toEqual(everyNode('access_token_revoked'));
    expect(await answers(keys[2]!.accessToken)).toEqual(everyNode('done'));
    const { identityId: admin } = await identities.create({ organizationId: own, name: 'admin', role: 'admin' });
    const last = await issue({ identityId: admin });
    for (const whose of [{ identityId: admin }, { organizationId: own }]) {
      expect(await codeOf(tokens.revokeAll(whose))).toBe('last_administrator');
    }
    expect(await codeOf(tokens.disable(last.tokenId))).toBe('last_administrator');
    expect(await codeOf(tokens.update(last.tokenId, { permissions: { identity: ['read'] } }))).toBe(
      'last_administrator',
    );
    expect(await answers(keys[2]!.accessToken)).toEqual(everyNode('done'));
    await issue({
      identityId: (await identities.create({ organizationId: own, name: 'b', role: 'admin' })).identityId,
    });
    expect(await tokens.revokeAll({ identityId: admin })).toBe(1);
  });
});

describe('a key that is rotated', () => {
  const grace = { graceSeconds: HOUR };

  it('passes on what it has, and is usable until the new one is used or the time is over', async () => {
    const externalId = `rotated-${randomUUID()}`;
    const settings = { externalId, permissions: { files: ['read'] }, metadata: { plan: 'gold' }, expiresAt: null };
    const old = await issue(settings);
    const next = await tokens.rotate(old.tokenId, grace);
    expect(next).toMatchObject({ identityId, expiresAt: null, isRepeated: false, replaced: { tokenId: old.tokenId } });
    expect(await tokens.find({ externalId, organizationId })).toMatchObject({ ...settings, tokenId: next.tokenId });
    expect(await tokens.get(old.tokenId)).toMatchObject({ rotatedTo: next.tokenId, state: 'active', externalId });
    expect(await answers(old.accessToken)).toEqual(everyNode('done'));
    // First used on another node than the one that rotated it.
    expect(await codeOf(verify(next.accessToken, nodes[2]))).toBe('done');
    await pause(2 * BOUND_MS);
    expect(await answers(old.accessToken)).toEqual(everyNode('access_token_rotated'));
    expect(await answers(next.accessToken)).toEqual(everyNode('done'));
    expect(await tokens.get(old.tokenId)).toMatchObject({ state: 'rotated' });
    expect(await codeOf(tokens.update(old.tokenId, { name: 'x' }))).toBe('token_ended');
  });

  it('is usable to the end of its time where the use of the new one is not to end it, and never after', async () => {
    const [kept, gone] = [await issue(), await issue()];
    const next = await tokens.rotate(kept.tokenId, { ...grace, endsOldOnFirstUse: false });
    const [at, short] = [await tokens.rotate(gone.tokenId, { graceSeconds: 1 }), next];
    expect(await answers(short.accessToken)).toEqual(everyNode('done'));
    await pause(1_000 + BOUND_MS);
    expect(await answers(kept.accessToken)).toEqual(everyNode('done'));
    expect(await answers(gone.accessToken)).toEqual(everyNode('access_token_rotated'));
    expect(await answers(at.accessToken)).toEqual(everyNode('done'));
    const now = await issue();
    await tokens.rotate(now.tokenId, { graceSeconds: 0 });
    expect(await codeOf(verify(now.accessToken))).toBe('access_token_rotated');
  });

  // Seen red: the condition that the token was not rotated left out of the statement.
  it('has one successor, however many calls on however many nodes; with one key, all get the same', async () => {
    const { tokenId } = await issue();
    const race = nodes.flatMap((_, index) => [index, index, index]);
    const lone = await Promise.all(race.map((index) => codeOf(on(index).rotate(tokenId, grace))));
    expect(lone.sort()).toEqual(['done', ...Array.from({ length: 8 }, () => 'token_rotated_before')]);

    const shared = await issue();
    const how = { ...grace, idempotencyKey: randomUUID() };
    const all = await Promise.all(race.map((index) => on(index).rotate(shared.tokenId, how)));
    expect(new Set(all.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(all.filter(({ isRepeated }) => !isRepeated)).toHaveLength(1);
    expect(await codeOf(tokens.rotate(shared.tokenId, { ...grace, idempotencyKey: 'another' }))).toBe(
      'token_rotated_before',
    );
    await tokens.revoke(all[0]!.tokenId);
    expect(await codeOf(tokens.rotate(shared.tokenId, how))).toBe('token_rotated_before');
    const [{ stored }] = await latchkey.dataSource.query<[{ stored: string }]>(
      `SELECT string_agg(t::text, '') AS stored FROM latchkey.identity_access_tokens t`,
    );
    expect(stored).not.toContain(how.idempotencyKey);
    expect(stored).not.toContain(all[0]!.accessToken.slice(-43));
  });

  it('does not get its uses, its end or its freedom back by it', async () => {
    const limited = await issue({ usesLimit: 2 });
    await verify(limited.accessToken);
    expect(await codeOf(tokens.rotate(limited.tokenId, grace))).toBe('token_not_rotatable');
    const next = await tokens.rotate(limited.tokenId, { graceSeconds: 0 });
    expect(await codeOf(verify(next.accessToken))).toBe('done');
    expect(await codeOf(verify(next.accessToken))).toBe('access_token_uses_exhausted');
    const end = new Date(Date.now() + HOUR * 1_000);
    const ending = await issue({ expiresAt: null });
    await tokens.update(ending.tokenId, { expiresAt: end });
    const { tokenId } = await tokens.rotate(ending.tokenId, grace);
    expect((await tokens.get(tokenId))!.expiresAt).toEqual(end);
    const disabled = await issue();
    await tokens.disable(disabled.tokenId);
    expect(await codeOf(tokens.rotate(disabled.tokenId, grace))).toBe('token_not_rotatable');
    const revoked = await issue();
    await tokens.revoke(revoked.tokenId);
    expect(await codeOf(tokens.rotate(revoked.tokenId, grace))).toBe('token_not_rotatable');
    for (const graceSeconds of [-1, 2_592_001, 1.5, undefined as unknown as number]) {
      await expect(tokens.rotate(disabled.tokenId, { graceSeconds })).rejects.toThrow(
        'graceSeconds: Expected whole seconds',
      );
    }
  });

  it('is rotated on the wire by the same rules, and a lost answer is fetched again', async () => {
    const { given, admin } = latchkey;
    const { tokenId, accessToken } = await given.token();
    const path = `/api/latchkey/v1/access-tokens/${tokenId}/rotate`;
    const headers = { 'idempotency-key': randomUUID() };
    const first = await admin.post(path, { graceSeconds: HOUR }, headers);
    expect(first.status).toBe(200);
    const again = await admin.post(path, { graceSeconds: HOUR }, headers);
    expect(again.body).toEqual({ ...(first.body as object), isRepeated: true });
    expect((await admin.post(path, {})).status).toBe(400);
    expect((await admin.post(path, {}, { 'idempotency-key': 'x'.repeat(256) })).status).toBe(422);
    const next = (first.body as { accessToken: string }).accessToken;
    expect(await codeOf(verify(accessToken))).toBe('done');
    expect(await codeOf(verify(next))).toBe('done');
    await pause(2 * BOUND_MS);
    expect(await codeOf(verify(accessToken))).toBe('access_token_rotated');
  });

  // Seen red: the permissions of the token left out of the comparison.
  it('is rotated on the wire by no caller that lacks a permission of the key', async () => {
    const { organizationId: home } = latchkey.given;
    const { identityId: scoped } = await identities.create({ organizationId: home, name: 'scoped' });
    const { identityId: manager } = await identities.create({ organizationId: home, name: 'manager', role: 'member' });
    const { tokenId } = await issue({ identityId: scoped, permissions: { files: ['read'] } });
    const path = `/api/latchkey/v1/access-tokens/${tokenId}/rotate`;
    const missing = [{ action: 'read', subject: 'files' }];
    expect(await latchkey.admin.post(path, {})).toMatchObject({
      status: 403,
      body: { details: { missingPermissions: missing } },
    });
    const { accessToken } = await issue({ identityId: manager });
    const rotate = () => latchkey.as(accessToken).post(path, {}, { 'idempotency-key': tokenId });
    const { body } = await rotate();
    expect(await verify((body as { accessToken: string }).accessToken)).toMatchObject({
      permissions: { files: ['read'] },
    });
    // A repeated call would hand out the new token as it is by then. Seen red: only the old one was compared.
    expect((await rotate()).status).toBe(200);
    await tokens.update((body as { tokenId: string }).tokenId, { permissions: { files: ['read', 'delete'] } });
    expect((await rotate()).status).toBe(403);
  });

  it('is renamed on the wire by no caller that lacks a permission of the key, and may be revoked by it', async () => {
    const { organizationId: home } = latchkey.given;
    const { identityId: scoped } = await identities.create({ organizationId: home, name: 'scoped' });
    const { tokenId } = await issue({ identityId: scoped, permissions: { files: ['read'] } });
    const path = `/api/v1/auth/token-auth/tokens/${tokenId}`;
    expect(await latchkey.admin.patch(path, { name: 'theirs' })).toMatchObject({
      status: 403,
      body: { details: { missingPermissions: [{ action: 'read', subject: 'files' }] } },
    });
    expect(await tokens.get(tokenId)).toMatchObject({ name: 'key' });
    // Seen red: permissions that cannot be read were none, and 200, or 500.
    for (const unreadable of ['[]', '5', '{"files":"read"}']) {
      await latchkey.change(`UPDATE latchkey.identity_access_tokens SET permissions = '${unreadable}' WHERE id = $1`, [
        tokenId,
      ]);
      expect((await latchkey.admin.patch(path, { name: 'theirs' })).status).toBe(503);
      expect((await latchkey.admin.post(`/api/latchkey/v1/access-tokens/${tokenId}/rotate`, {})).status).toBe(503);
    }
    expect((await latchkey.admin.post(`${path}/revoke`)).status).toBe(200);
  });

  it('leaves no row for ever where it never would have ended', async () => {
    const { tokenId } = await issue({ expiresAt: null });
    await tokens.rotate(tokenId, { graceSeconds: 0 });
    await latchkey.dataSource.query(
      `UPDATE latchkey.identity_access_tokens SET ends_at = now() - interval '1 year' WHERE id = $1`,
      [tokenId],
    );
    await settled();
    await latchkey.app.get(MaintenanceRunner).run();
    expect(await tokens.get(tokenId)).toBeNull();
  });
});

describe('a client secret that is rotated', () => {
  const LOGIN = '/api/v1/auth/universal-auth/login';
  const secretsOn = (index: number) => nodes[index]!.app.get(MachineIdentities);
  const pathOf = (id: string) => `/api/latchkey/v1/client-secrets/${id}/rotate`;
  /** Logs in; answers the token, or the message of the refusal. */
  const login = async (clientId: string, clientSecret: string, node = latchkey) => {
    const { status, body } = await node.anonymous.post(LOGIN, { clientId, clientSecret });
    return status === 200 ? (body.accessToken as string) : (body.message as string);
  };
  const ENDED = 'Access denied due to expired client secret';
  const isToken = (answer: string) => answer.startsWith('eyJ');

  // Seen red: `ends_at` left out of the look-up of a client; the end of the old one left out of the login.
  it('is usable until a login uses the new one, or the time is over, and its tokens go on', async () => {
    const { clientId, clientSecretId, clientSecret, identityId: holder } = await latchkey.given.client();
    const next = await identities.rotateClientSecret(clientSecretId, { graceSeconds: HOUR });
    expect(next).toMatchObject({
      identityId: holder,
      expiresAt: null,
      replaced: { clientSecretId },
      isRepeated: false,
    });
    const before = await login(clientId, clientSecret, nodes[1]);
    expect(isToken(before)).toBe(true);
    const both = await Promise.all(nodes.map((node) => login(clientId, next.clientSecret, node)));
    expect(both.every(isToken)).toBe(true);
    expect(await Promise.all(nodes.map((node) => login(clientId, clientSecret, node)))).toEqual(everyNode(ENDED));
    expect(await answers(before)).toEqual(everyNode('done'));
    // The list has the new one only, and the old one can still be revoked, with its tokens.
    const list = `/api/v1/auth/universal-auth/identities/${holder}/client-secrets`;
    const { clientSecretData } = (await latchkey.admin.get(list)).body;
    expect((clientSecretData as { id: string }[]).map(({ id }) => id)).toEqual([next.clientSecretId]);
    expect((await latchkey.admin.post(`${list}/${clientSecretId}/revoke`)).status).toBe(200);
    await pause(BOUND_MS);
    expect(await answers(before)).toEqual(everyNode('access_token_client_secret_gone'));
    expect(isToken(await login(clientId, next.clientSecret))).toBe(true);

    const kept = await secretsOn(1).rotateClientSecret(next.clientSecretId, {
      graceSeconds: 1,
      endsOldOnFirstUse: false,
    });
    expect(isToken(await login(clientId, kept.clientSecret))).toBe(true);
    expect(isToken(await login(clientId, next.clientSecret))).toBe(true);
    await pause(1_000);
    expect(await login(clientId, next.clientSecret)).toBe(ENDED);
    await identities.rotateClientSecret(kept.clientSecretId, { graceSeconds: 0 });
    expect(await login(clientId, kept.clientSecret)).toBe(ENDED);
  });

  // Seen red: the condition that the secret was not rotated left out of the statement.
  it('has one successor, however many calls on however many nodes; with one key, all get the same', async () => {
    const race = nodes.flatMap((_, index) => [index, index, index]);
    const { clientSecretId } = await latchkey.given.client();
    const lone = await Promise.all(
      race.map((index) => codeOf(secretsOn(index).rotateClientSecret(clientSecretId, { graceSeconds: HOUR }))),
    );
    expect(lone.sort()).toEqual(Array.from({ length: 8 }, () => 'client_secret_rotated_before').concat('done'));

    const shared = await latchkey.given.client();
    const how = { graceSeconds: HOUR, idempotencyKey: randomUUID() };
    const headers = { 'idempotency-key': how.idempotencyKey };
    const admin = await identities.create({ organizationId: latchkey.given.organizationId, name: 'a', role: 'admin' });
    const { accessToken: adminToken } = await issue(admin);
    const calls = race.map((index) =>
      index === 0
        ? secretsOn(0).rotateClientSecret(shared.clientSecretId, how)
        : nodes[index]!.as(adminToken)
            .post(pathOf(shared.clientSecretId), { graceSeconds: HOUR }, headers)
            .then((a) => a.body),
    );
    const all = (await Promise.all(calls)) as { clientSecret: string; isRepeated: boolean }[];
    expect(new Set(all.map(({ clientSecret }) => clientSecret)).size).toBe(1);
    expect(all.filter(({ isRepeated }) => !isRepeated)).toHaveLength(1);
    expect(isToken(await login(shared.clientId, all[0]!.clientSecret))).toBe(true);
    // Also when it was used, and never with another key.
    const again = await identities.rotateClientSecret(shared.clientSecretId, how);
    expect(again).toMatchObject({ clientSecret: all[0]!.clientSecret, isRepeated: true });
    const other = { ...how, idempotencyKey: 'another' };
    expect(await codeOf(identities.rotateClientSecret(shared.clientSecretId, other))).toBe(
      'client_secret_rotated_before',
    );
    const [{ stored }] = await latchkey.dataSource.query<[{ stored: string }]>(
      `SELECT string_agg(s::text, '') AS stored FROM latchkey.client_secrets s`,
    );
    expect(stored).not.toContain(how.idempotencyKey);
    expect(stored).not.toContain(again.clientSecret);
    await latchkey.dataSource.query(
      `UPDATE latchkey.client_secrets SET created_at = created_at - interval '1 day' WHERE id = $1`,
      [again.clientSecretId],
    );
    expect(await codeOf(identities.rotateClientSecret(shared.clientSecretId, how))).toBe(
      'client_secret_rotated_before',
    );
  });

  it('does not get its uses or its life back by it, and belongs to its organization', async () => {
    const { clientId, clientSecretId, clientSecret } = await latchkey.given.client({ secret: { numUsesLimit: 2 } });
    expect(isToken(await login(clientId, clientSecret))).toBe(true);
    const rotate = (id: string, graceSeconds = 0, options = {}) =>
      identities.rotateClientSecret(id, { graceSeconds }, options);
    expect(await codeOf(rotate(clientSecretId, HOUR))).toBe('client_secret_not_rotatable');
    expect(await codeOf(rotate(clientSecretId, 0, { organizationId }))).toBe('client_secret_not_found');
    expect(await codeOf(rotate('no-id'))).toBe('client_secret_not_found');
    const next = await rotate(clientSecretId);
    expect(isToken(await login(clientId, next.clientSecret))).toBe(true);
    expect(await login(clientId, next.clientSecret)).toContain('usage limit reached');

    const short = await latchkey.given.client({ secret: { ttl: HOUR } });
    const made = await rotate(short.clientSecretId, HOUR);
    expect(made.expiresAt!.getTime() - Date.now()).toBeGreaterThan((HOUR - 60) * 1_000);
    await latchkey.dataSource.query(
      `UPDATE latchkey.client_secrets SET created_at = created_at - interval '1 hour' WHERE id = $1`,
      [made.clientSecretId],
    );
    expect(await codeOf(rotate(made.clientSecretId))).toBe('client_secret_not_rotatable');
    const gone = await latchkey.given.client();
    const revoke = `/api/v1/auth/universal-auth/identities/${gone.identityId}/client-secrets/${gone.clientSecretId}/revoke`;
    await latchkey.admin.post(revoke);
    const { status, body } = await latchkey.admin.post(pathOf(gone.clientSecretId), {});
    expect([status, body.message]).toEqual([400, expect.stringContaining('cannot be rotated: it was revoked')]);
  });

  it('is rotated in the transaction of the host, or not at all', async () => {
    const { clientId, clientSecretId, clientSecret } = await latchkey.given.client();
    const client = new Client({ connectionString: process.env.LATCHKEY_TEST_DATABASE! });
    await client.connect();
    try {
      await client.query('BEGIN');
      const how = { graceSeconds: HOUR, idempotencyKey: 'lost' };
      const { clientSecret: lost } = await identities.rotateClientSecret(clientSecretId, how, { client });
      // The host's driver reads what a repeated call finds.
      expect(await identities.rotateClientSecret(clientSecretId, how, { client })).toMatchObject({
        clientSecret: lost,
      });
      await client.query('ROLLBACK');
      expect(await login(clientId, lost)).toBe('Invalid credentials');
    } finally {
      await client.end();
    }
    expect(isToken(await login(clientId, clientSecret))).toBe(true);
  });
});

describe('an organization and its identities', () => {
  it('are found by the id of the host, listed and changed', async () => {
    const externalId = `tenant-${randomUUID()}`;
    const { organizationId: own, slug } = await identities.createOrganization({ name: 'Found', externalId });
    expect(await identities.findOrganization({ externalId })).toEqual({
      organizationId: own,
      name: 'Found',
      slug,
      externalId,
    });
    expect(await identities.findOrganization({ externalId: 'no such' })).toBeNull();
    expect(await codeOf(identities.createOrganization({ name: 'Twice', externalId }))).toBe('external_id_taken');
    const made: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      made.unshift((await identities.create({ organizationId: own, name, metadata: { name } })).identityId);
    }
    const first = await identities.list({ organizationId: own, limit: 2 });
    const rest = await identities.list({ organizationId: own, limit: 2, cursor: first.nextCursor! });
    expect([...first.identities, ...rest.identities].map((one) => one.identityId)).toEqual(made);
    expect(rest.nextCursor).toBeNull();
    expect(first.identities[0]).toMatchObject({ name: 'c', role: 'no-access', metadata: { name: 'c' } });
    const key = await issue({ identityId: made[0]! });
    await verify(key.accessToken, nodes[1]);
    const changes = { name: 'd', role: 'member', metadata: { team: 'x' } } as const;
    expect(await identities.update(made[0]!, changes)).toMatchObject(changes);
    await pause(BOUND_MS);
    const caller = await verify(key.accessToken, nodes[1]);
    expect(caller).toMatchObject({
      identityName: 'd',
      role: 'member',
      metadata: { team: 'x' },
      organization: { externalId },
    });
    expect(await identities.get(made[0]!, { organizationId: randomUUID() })).toBeNull();
    expect(await codeOf(identities.update(made[0]!, { name: 'e' }, { organizationId: randomUUID() }))).toBe(
      'identity_not_found',
    );
    expect(await codeOf(identities.update(randomUUID(), { name: 'e' }))).toBe('identity_not_found');
    expect(await codeOf(identities.update(made[0]!, { role: 'owner' as 'admin' }))).toBe('role_unknown');
  });
});

describe('a transaction of the host', () => {
  let client: Client;

  beforeAll(async () => {
    client = new Client({ connectionString: process.env.LATCHKEY_TEST_DATABASE! });
    await client.connect();
  });
  afterAll(() => client.end());

  const ways: [string, () => ChangeOptions][] = [
    ['client', () => ({ client })],
    // As Prisma is asked: it spreads the parameters, and answers the rows.
    ['query', () => ({ query: async (sql, parameters) => (await client.query(sql, parameters)).rows as unknown[] })],
  ];

  it.each(ways)('is named by its %s: all is done in it, or undone with it', async (_, way) => {
    const options = way();
    const act = async () => {
      const own = await identities.createOrganization({ name: 'In it', externalId: randomUUID() }, options);
      const made = await identities.create({ organizationId: own.organizationId, name: 'x', role: 'admin' }, options);
      await identities.update(made.identityId, { metadata: { a: 'b' } }, options);
      const issued = await tokens.issue(
        { identityId: made.identityId, metadata: { a: 'b' }, expiresAt: null },
        options,
      );
      await tokens.update(issued.tokenId, { trustedIps: ['127.0.0.1'] }, options);
      expect(await codeOf(tokens.disable(issued.tokenId, options))).toBe('last_administrator');
      const next = await tokens.rotate(issued.tokenId, { graceSeconds: 60, idempotencyKey: 'k' }, options);
      expect(await tokens.get(next.tokenId, options)).toMatchObject({
        metadata: { a: 'b' },
        trustedIps: ['127.0.0.1'],
      });
      expect((await tokens.list({ identityId: made.identityId }, options)).tokens).toHaveLength(2);
      return next;
    };
    await client.query('BEGIN');
    const lost = await act();
    await client.query('ROLLBACK');
    expect(await codeOf(verify(lost.accessToken))).toBe('access_token_identity_gone');
    await client.query('BEGIN');
    const kept = await act();
    await client.query('COMMIT');
    await tokens.applyChanges();
    expect(await codeOf(verify(kept.accessToken))).toBe('done');
    await client.query('BEGIN');
    expect(await tokens.revoke(kept.tokenId, { ...options, organizationId: randomUUID() })).toBe(false);
    await client.query('COMMIT');
  });

  it('is not one that has not begun, nor two, nor something else', async () => {
    const fails = (options: object, message: string) => expect(issue1(options)).rejects.toThrow(message);
    const issue1 = (options: object) => tokens.issue({ identityId }, options);
    await fails({ client }, 'client must be a client of pg that has begun a transaction that is running');
    await fails(ways[1]![1](), 'query must be a function that runs a statement in a transaction');
    await fails({ client, query: () => Promise.resolve([]) }, 'pass one of manager, client, query');
    await fails({ client: {} }, 'client must be a client of pg that has begun a transaction');
    await fails({ query: 'SELECT' }, 'query must be a function');
    await fails({ tx: client }, 'the last argument knows no tx: it takes manager, client, query, organizationId');
    await fails({ query: () => Promise.resolve(1) }, 'must answer with rows');
  });
});
