import { randomUUID } from 'node:crypto';
import { VerificationPools } from '../src/database/connections/verification-pools';
import { ORGANIZATION_SUBJECTS } from '../src/permissions/rules/subjects';
import { type Answer, type ApiClient, refused } from './support/api-client';
import { done, type GivenOrganization, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { snapshot } from './support/snapshot';

const ROLES = '/api/v1/organization/roles';
const DETAILS = '/api/v1/identities/details';
const READ = { subject: 'identity', action: ['read'] };
const MINT = { subject: 'identity', action: ['read', 'create-token'] };

const newSlug = () => `role-${randomUUID().slice(0, 8)}`;
const denied = (permission: string) => {
  const [subject, action] = permission.split(':');
  return refused(403, 'PermissionDenied', `You are not allowed to ${action} on ${subject}`, []);
};
const beyond = (attempt: string, ...missingPermissions: object[]) =>
  refused(
    403,
    'PermissionBoundaryError',
    `Failed to ${attempt} with more privileged role. Actor privilege level is not high enough to perform this action`,
    { missingPermissions },
  );
const notFound = (name: string) => refused(404, 'NotFound', `Failed to find role ${name}`);

describe('roles of an organization', () => {
  let latchkey: TestLatchkey;
  let tenant: GivenOrganization;
  let admin: ApiClient;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    tenant = await latchkey.given.organization('Roles');
    ({ admin } = tenant);
  });
  afterAll(() => latchkey.stop());

  const roleOf = (answer: Answer) => done(answer).role as { id: string; slug: string; permissions: object[] };
  const holderOf = async (...permissions: object[]): Promise<GivenToken & { roleId: string; slug: string }> => {
    const role = await tenant.given.role(permissions);
    return { ...(await tenant.given.token({ role: role.slug })), ...role };
  };
  const tokensOf = (identityId: string) => `/api/v1/auth/token-auth/identities/${identityId}/tokens`;

  describe('beneath both paths', () => {
    const paths = () => [ROLES, `/api/v1/organization/${tenant.organizationId}/roles`];

    it('are created, read, changed and deleted, each answered whole', async () => {
      for (const path of paths()) {
        const sent = {
          slug: newSlug(),
          name: ' Minter ',
          permissions: [{ subject: 'identity', action: 'read' }, MINT],
        };
        const made = roleOf(await admin.post(path, sent));
        const times = { createdAt: expect.any(String), updatedAt: expect.any(String) };
        const whole = {
          ...sent,
          ...times,
          id: made.id,
          name: 'Minter',
          description: null,
          orgId: tenant.organizationId,
        };
        const permissions = [READ, MINT];
        expect(made).toEqual({ ...whole, permissions });
        expect(roleOf(await admin.get(`${path}/${made.id}`))).toEqual(made);
        expect(roleOf(await admin.get(`${ROLES}/slug/${made.slug}`))).toEqual(made);
        expect(roleOf(await admin.patch(`${path}/${made.id}`, {}))).toEqual(made);
        const change = {
          slug: newSlug(),
          name: 'Reader',
          description: 'Reads.',
          permissions: [{ ...READ, inverted: true }],
        };
        const changed = roleOf(await admin.patch(`${path}/${made.id}`, change));
        expect(changed).toEqual({ ...whole, ...change });
        expect(roleOf(await admin.patch(`${path}/${made.id}`, { description: null })).permissions).toEqual(
          change.permissions,
        );
        expect(roleOf(await admin.delete(`${path}/${made.id}`))).toMatchObject({ id: made.id, description: null });
        for (const attempt of [admin.get(`${path}/${made.id}`), admin.delete(`${path}/${made.id}`)]) {
          expect(await attempt).toEqual(notFound(made.id));
        }
      }
    });

    it('are listed without rules, the built-in ones first, where older and newer clients look', async () => {
      const other = await latchkey.given.organization('Listing');
      for (const slug of ['b-role', 'a-role']) await other.given.role([READ], slug);
      const { roles, data } = done(await other.admin.get(ROLES));
      expect(roles.map(({ id, slug }: { id: string; slug: string }) => [slug, id])).toEqual([
        ['admin', 'b11b49a9-09a9-4443-916a-4246f9ff2c69'],
        ['member', 'b11b49a9-09a9-4443-916a-4246f9ff2c70'],
        ['no-access', 'b10d49a9-09a9-4443-916a-4246f9ff2c72'],
        ['a-role', expect.any(String)],
        ['b-role', expect.any(String)],
      ]);
      expect(roles.some((role: object) => 'permissions' in role)).toBe(false);
      expect(data).toEqual({ roles });
      expect(done(await other.admin.get(`/api/v1/organization/${other.organizationId}/roles`))).toEqual({ data });
    });

    it('that are built in can be read by id and slug, and are neither changed nor deleted', async () => {
      const id = 'b11b49a9-09a9-4443-916a-4246f9ff2c69';
      const builtIn = roleOf(await admin.get(`${ROLES}/slug/admin`));
      expect(roleOf(await admin.get(`${ROLES}/${id}`))).toEqual(builtIn);
      expect(builtIn).toMatchObject({ id, slug: 'admin' });
      expect(builtIn.permissions).toEqual(
        Object.entries(ORGANIZATION_SUBJECTS).map(([subject, action]) => ({ subject, action })),
      );
      const refusal = refused(400, 'BadRequest', 'This role is built in. Create a role of your own instead.');
      expect(await admin.patch(`${ROLES}/${id}`, { name: 'x' })).toEqual(refusal);
      expect(await admin.delete(`${ROLES}/${id}`)).toEqual(refusal);
    });

    it('do what a Terraform provider asks: created, read back equal, updated, imported by slug, destroyed', async () => {
      const [slug, identity] = [newSlug(), await tenant.given.identity()];
      const plan = {
        slug,
        name: 'deployer',
        description: '',
        permissions: [
          {
            subject: 'app-connections',
            action: ['read'],
            conditions: { connectionId: { $in: ['b', 'a'], $ne: 'c' } },
            inverted: false,
          },
          { subject: 'identity', action: ['create-token', 'read'] },
        ],
      };
      const { id } = roleOf(await admin.post(ROLES, plan));
      const [conditional, plain] = plan.permissions;
      const stored = { ...conditional } as { inverted?: boolean };
      delete stored.inverted;
      expect(roleOf(await admin.get(`${ROLES}/${id}`))).toMatchObject({ ...plan, permissions: [stored, plain] });
      const next = { ...plan, name: 'deployer of Europe', permissions: [plain] };
      expect(roleOf(await admin.patch(`${ROLES}/${id}`, next))).toMatchObject(next);
      expect(roleOf(await admin.get(`${ROLES}/slug/${slug}`))).toMatchObject({ id, ...next });
      done(await admin.patch(`/api/v1/identities/${identity}`, { role: slug }));
      expect((await admin.delete(`${ROLES}/${id}`)).status).toBe(400);
      done(await admin.patch(`/api/v1/identities/${identity}`, { role: 'no-access' }));
      done(await admin.delete(`${ROLES}/${id}`));
      expect(await admin.get(`${ROLES}/${id}`)).toEqual(notFound(id));
    });
  });

  describe('are refused', () => {
    it.each(['admin', 'Admin', ' member ', 'NO-ACCESS', 'custom', 'Custom'])('the reserved slug %j', async (slug) => {
      const refusal = await admin.post(ROLES, { slug, name: 'x', permissions: [] });
      expect(refusal).toMatchObject({ status: 422, body: { message: [{ code: 'custom', path: ['slug'] }] } });
      const { roleId } = await tenant.given.role();
      expect((await admin.patch(`${ROLES}/${roleId}`, { slug })).status).toBe(422);
    });

    it.each([
      '\u0430dmin',
      '\uff41dmin',
      'adm\u0131n',
      'ad\u00admin',
      'admin\u200b',
      '\u212aing',
      'a_b',
      'a--b',
      '-a',
      'a ',
      '',
    ])('the slug %j, which is no slug or looks like another one', async (slug) => {
      const trimmed = slug.trim() !== slug;
      const answer = await admin.post(ROLES, { slug, name: 'x', permissions: [] });
      expect(answer.status).toBe(trimmed ? 200 : 422);
    });

    it('a slug that is taken, also by a role that is made in the same moment', async () => {
      const slug = newSlug();
      const taken = refused(
        400,
        'BadRequest',
        'A role of your organization has this slug already. Choose another one.',
      );
      const make = () => admin.post(ROLES, { slug, name: 'x', permissions: [] });
      const answers = await Promise.all(Array.from({ length: 5 }, make));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400]);
      expect(answers.filter(({ status }) => status === 400)).toEqual(new Array(4).fill(taken));
      const { roleId } = await tenant.given.role();
      expect(await admin.patch(`${ROLES}/${roleId}`, { slug })).toEqual(taken);
      const other = await latchkey.given.organization('Same slug');
      expect((await other.admin.post(ROLES, { slug, name: 'x', permissions: [] })).status).toBe(200);
    });

    it('rules with unknown names, with the place and what is allowed, and nothing is written', async () => {
      const before = await snapshot(latchkey.dataSource);
      const permissions = [
        READ,
        { subject: 'secrets', action: 'read' },
        { subject: 'identity', action: ['read', 'fly'] },
      ];
      const answer = await admin.post(ROLES, { slug: newSlug(), name: 'x', permissions });
      expect(answer).toMatchObject({
        status: 422,
        body: {
          message: [
            { path: ['permissions', 1, 'subject'], message: expect.stringMatching(/'secrets'.*identity, role/) },
            { path: ['permissions', 2, 'action', 1], message: expect.stringMatching(/'fly'.*read, create/) },
          ],
        },
      });
      const many = Array.from({ length: 101 }, () => READ);
      expect((await admin.post(ROLES, { slug: newSlug(), name: 'x', permissions: many })).status).toBe(422);
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it('to be deleted while identities have them, which the refusal names', async () => {
      const { roleId, slug } = await tenant.given.role();
      const ids: string[] = [];
      for (let count = 0; count < 12; count += 1) {
        ids.push(await tenant.given.identity({ name: `holder-${String(count).padStart(2, '0')}`, role: slug }));
      }
      const { status, body } = await admin.delete(`${ROLES}/${roleId}`);
      expect(status).toBe(400);
      expect(body.message).toContain(`holder-00 (${ids[0]})`);
      expect(body.message).toContain('and 2 more');
      expect(body.details.identities).toHaveLength(10);
      expect(body.details.totalCount).toBe(12);
    });
  });

  describe('that identities have', () => {
    it('are read with the identity, wherever it is read', async () => {
      const { identityId, roleId, slug } = await holderOf(MINT);
      const customRole = { id: roleId, slug, name: 'given', description: null, permissions: [MINT] };
      const expected = { role: 'custom', roleId, customRole };
      expect(done(await admin.get(`/api/v1/identities/${identityId}`)).identity).toMatchObject(expected);
      const listed = done(await admin.get(`/api/v1/identities?orgId=${tenant.organizationId}`)).identities as object[];
      expect(listed).toContainEqual(expect.objectContaining({ identityId, ...expected }));
      const found = done(await admin.post('/api/v1/identities/search', { search: { name: 'given' } })).identities;
      expect(found).toContainEqual(expect.objectContaining({ identityId, ...expected }));
      done(await admin.patch(`/api/v1/identities/${identityId}`, { role: 'member' }));
      const after = done(await admin.get(`/api/v1/identities/${identityId}`)).identity as object;
      expect(after).toMatchObject({ role: 'member', roleId: null });
      expect(after).not.toHaveProperty('customRole');
    });

    it('let a CI job do one thing: mint tokens for identities that hold no more than it does', async () => {
      const job = await holderOf(MINT);
      const [nothing, stronger] = [await tenant.given.token(), await tenant.given.token({ role: 'member' })];
      const same = await tenant.given.token({ role: job.slug });
      expect((await job.api.post(tokensOf(nothing.identityId))).status).toBe(200);
      expect((await job.api.post(tokensOf(same.identityId))).status).toBe(200);
      const refusal = await job.api.post(tokensOf(stronger.identityId));
      expect(refusal.status).toBe(403);
      expect(refusal.body.details.missingPermissions).toContainEqual({ subject: 'identity', action: 'delete' });
      expect(await job.api.patch(`/api/v1/identities/${nothing.identityId}`, { name: 'x' })).toEqual(
        denied('identity:edit'),
      );
      expect(await job.api.get(ROLES)).toEqual(denied('role:read'));
      expect(await job.api.post('/api/v1/identities', { name: 'x', organizationId: tenant.organizationId })).toEqual(
        denied('identity:create'),
      );
      expect(done(await job.api.get(`/api/v1/organization/${tenant.organizationId}/permissions`))).toEqual({
        memberships: [{ id: expect.any(String), roles: [{ role: 'custom' }] }],
        permissions: [['read,create-token', 'identity']],
      });
    });

    it('are found by their slug alone: no other spelling, no marker, no role of another organization', async () => {
      const theirs = await (await latchkey.given.organization('Theirs')).given.role();
      const { roleId, slug } = await tenant.given.role();
      for (const role of ['custom', roleId, slug.toUpperCase(), theirs.slug, theirs.roleId]) {
        const answer = await admin.post('/api/v1/identities', {
          name: 'x',
          organizationId: tenant.organizationId,
          role,
        });
        expect([role, answer.status]).toEqual([role, 400]);
      }
    });

    it('do not make an administrator: the last one keeps the role admin', async () => {
      const { admin: only, given, organizationId } = await latchkey.given.organization('One');
      const { slug } = await given.role(
        Object.entries(ORGANIZATION_SUBJECTS).map(([subject, action]) => ({ subject, action: [...action] })),
      );
      const [{ identityId }] = done(await only.get(`/api/v1/identities?orgId=${organizationId}`)).identities as [
        { identityId: string },
      ];
      const answer = await only.patch(`/api/v1/identities/${identityId}`, { role: slug });
      expect(answer.status).toBe(400);
      expect(answer.body.message).toContain('at least one identity that holds admin');
    });
  });

  describe('give nobody more than the caller holds', () => {
    const WRITER = { subject: 'role', action: ['read', 'create', 'edit', 'delete'] };
    const GRANT = { subject: 'identity', action: ['read', 'edit', 'create', 'grant-privileges'] };
    const NO_EDIT = { subject: 'gateway', action: ['edit-gateways'], inverted: true };
    const GATEWAYS = { subject: 'gateway', action: ['list-gateways', 'edit-gateways'] };
    const MISSING = { subject: 'gateway', action: 'edit-gateways' };
    const create = (api: ApiClient, ...permissions: object[]) =>
      api.post(ROLES, { slug: newSlug(), name: 'x', permissions });

    it('when a role is created: what the caller is prohibited counts as missing', async () => {
      const { api } = await holderOf(WRITER, GRANT, GATEWAYS, NO_EDIT);
      expect((await create(api, GATEWAYS, NO_EDIT)).status).toBe(200);
      expect((await create(api)).status).toBe(200);
      const before = await snapshot(latchkey.dataSource);
      expect(await create(api, GATEWAYS)).toEqual(beyond('create role', MISSING));
      expect(await create(api, NO_EDIT, GATEWAYS)).toEqual(beyond('create role', MISSING));
      expect(await create(api, { subject: 'gateway', action: 'delete-gateways' })).toEqual(
        beyond('create role', { subject: 'gateway', action: 'delete-gateways' }),
      );
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it('when a role is changed, whether an identity has it or not: a prohibition dropped or moved is a grant', async () => {
      const { api, roleId } = await holderOf(WRITER, GRANT, GATEWAYS, NO_EDIT);
      const { roleId: free } = await tenant.given.role([GATEWAYS, NO_EDIT]);
      const before = await snapshot(latchkey.dataSource);
      for (const id of [free, roleId]) {
        for (const permissions of [[GATEWAYS], [NO_EDIT, GATEWAYS]]) {
          expect(await api.patch(`${ROLES}/${id}`, { permissions })).toEqual(beyond('update role', MISSING));
        }
      }
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
      expect((await api.patch(`${ROLES}/${free}`, { permissions: [NO_EDIT] })).status).toBe(200);
    });

    it('when a stronger role is changed, were it only its name', async () => {
      const { api } = await holderOf(WRITER, GRANT);
      const { roleId } = await tenant.given.role([GATEWAYS]);
      for (const change of [{ name: 'x' }, { slug: newSlug() }, { permissions: [] }]) {
        const refusal = await api.patch(`${ROLES}/${roleId}`, change);
        expect(refusal).toEqual(beyond('update role', { subject: 'gateway', action: 'list-gateways' }, MISSING));
      }
    });

    it('when a role is given or taken, and when conditions are wider', async () => {
      const near = {
        subject: 'app-connections',
        action: ['connect'],
        conditions: { connectionId: { $in: ['a', 'b'] } },
      };
      const far = { subject: 'app-connections', action: ['connect'], conditions: { connectionId: { $ne: 'c' } } };
      const { api } = await holderOf(WRITER, GRANT, near);
      const [inside, outside] = [
        await tenant.given.role([{ ...near, conditions: { connectionId: 'a' } }]),
        await tenant.given.role([far]),
      ];
      const identityId = await tenant.given.identity();
      const give = (role: string) => api.patch(`/api/v1/identities/${identityId}`, { role });
      expect((await give(inside.slug)).status).toBe(200);
      const missing = { subject: 'app-connections', action: 'connect', conditions: far.conditions };
      expect(await give(outside.slug)).toEqual(beyond('update identity', missing));
      expect(await create(api, far)).toEqual(beyond('create role', missing));
      done(await admin.patch(`/api/v1/identities/${identityId}`, { role: outside.slug }));
      expect(await give('no-access')).toEqual(beyond('update identity', missing));
    });

    it('with a token of fewer permissions than its role', async () => {
      const { identityId, tokenId, api } = await holderOf(WRITER, GRANT, GATEWAYS);
      await latchkey.change('UPDATE latchkey.identity_access_tokens SET permissions = $2 WHERE id = $1', [
        tokenId,
        JSON.stringify({ role: ['create'], identity: ['read'] }),
      ]);
      expect((await create(api, READ)).status).toBe(200);
      expect(await create(api, GATEWAYS)).toEqual(
        beyond('create role', { subject: 'gateway', action: 'list-gateways' }, MISSING),
      );
      expect(await api.patch(`/api/v1/identities/${identityId}`, { name: 'x' })).toEqual(denied('identity:edit'));
    });

    it('through a role that an instance administrator has', async () => {
      const { identityId, roleId } = await holderOf(READ);
      await latchkey.change('UPDATE latchkey.identities SET is_instance_admin = true WHERE id = $1', [identityId]);
      const refusal = await admin.patch(`${ROLES}/${roleId}`, { permissions: [] });
      expect(refusal.status).toBe(403);
      expect(refusal.body.message).toContain('instance admin');
      await latchkey.change('UPDATE latchkey.identities SET is_instance_admin = false WHERE id = $1', [identityId]);
    });
  });

  describe('are as fresh as every other fact', () => {
    const list = ({ api }: GivenToken) => api.get(`/api/v1/identities?orgId=${tenant.organizationId}`);

    it('a change of a role is there on the next request of everyone who has it', async () => {
      const one = await holderOf(READ);
      const other = await tenant.given.token({ role: one.slug });
      for (const holder of [one, other]) expect((await list(holder)).status).toBe(200);
      done(await admin.patch(`${ROLES}/${one.roleId}`, { permissions: [READ, { ...READ, inverted: true }] }));
      for (const holder of [one, other]) expect(await list(holder)).toEqual(denied('identity:read'));
      await latchkey.change('UPDATE latchkey.roles SET permissions = $2 WHERE id = $1', [
        one.roleId,
        '[["read","identity"]]',
      ]);
      for (const holder of [one, other]) expect((await list(holder)).status).toBe(200);
      const { roleId: another } = await tenant.given.role([]);
      await latchkey.change('UPDATE latchkey.organization_memberships SET custom_role_id = $2 WHERE identity_id = $1', [
        other.identityId,
        another,
      ]);
      expect([(await list(one)).status, (await list(other)).status]).toEqual([200, 403]);
    });

    it('a remembered token with such a role asks nothing of the database', async () => {
      const { api } = await holderOf(READ);
      done(await api.get(DETAILS));
      const asked = jest.spyOn(latchkey.app.get(VerificationPools, { strict: false }), 'query');
      for (let times = 0; times < 20; times += 1) done(await api.get(DETAILS));
      // On a busy machine a node may find its own knowledge too old, and ask again.
      expect(asked.mock.calls.length).toBeLessThan(5);
      asked.mockRestore();
    });

    it.each([
      ['rules that are no rules', `UPDATE latchkey.roles SET permissions = '[["read"]]' WHERE id = $1`],
      ['rules that are null in JSON', `UPDATE latchkey.roles SET permissions = 'null' WHERE id = $1`],
      [
        'a role that is not there',
        `UPDATE latchkey.organization_memberships SET custom_role_id = NULL WHERE custom_role_id = $1`,
      ],
    ])('%s are our fault: 503, for the holder and for whoever would act on it', async (_, sql) => {
      const holder = await holderOf(READ);
      await latchkey.change(sql, [holder.roleId]);
      expect((await list(holder)).status).toBe(503);
      expect((await admin.post(tokensOf(holder.identityId))).status).toBe(503);
    });

    it('a node of the former version takes such a role away by naming another', async () => {
      const { identityId, roleId, api } = await holderOf(READ);
      await latchkey.change(`UPDATE latchkey.organization_memberships SET role = 'no-access' WHERE identity_id = $1`, [
        identityId,
      ]);
      expect(await api.get(`/api/v1/identities/${identityId}`)).toEqual(denied('identity:read'));
      expect((await admin.delete(`${ROLES}/${roleId}`)).status).toBe(200);
    });
  });

  describe('that are changed at the same moment', () => {
    it('end as one of the changes made them, whole', async () => {
      const { roleId } = await tenant.given.role();
      const wishes = Array.from({ length: 6 }, (_, place) => ({
        slug: newSlug(),
        name: `name-${place}`,
        description: `text-${place}`,
        permissions: [{ subject: 'identity', action: [ORGANIZATION_SUBJECTS.identity[place]] }],
      }));
      const answers = await Promise.all(wishes.map((wish) => admin.patch(`${ROLES}/${roleId}`, wish)));
      expect(answers.map(({ status }) => status)).toEqual(wishes.map(() => 200));
      const { slug, name, description, permissions } = done(await admin.get(`${ROLES}/${roleId}`)).role as Record<
        string,
        unknown
      >;
      expect(wishes).toContainEqual({ slug, name, description, permissions });
    });

    it('are either deleted or given, and never both', async () => {
      for (let round = 0; round < 5; round += 1) {
        const [{ roleId, slug }, identityId] = [await tenant.given.role([READ]), await tenant.given.identity()];
        const [deleted, given] = await Promise.all([
          admin.delete(`${ROLES}/${roleId}`),
          admin.patch(`/api/v1/identities/${identityId}`, { role: slug }),
        ]);
        expect([200, 400]).toContain(deleted.status);
        expect(given.status).toBe(deleted.status === 200 ? 400 : 200);
      }
    });
  });
});

describe('a change that has waited for others', () => {
  let latchkey: TestLatchkey;

  beforeAll(async () => (latchkey = await startLatchkey({ revocationBoundMs: 200 })));
  afterAll(() => latchkey.stop());

  /** Sends a request that waits for a row, has something happen for longer than the bound, and lets the request go on. */
  async function whileWaiting(
    identityId: string,
    send: () => Promise<Answer>,
    meanwhile: () => Promise<unknown>,
  ): Promise<Answer> {
    const holding = latchkey.dataSource.createQueryRunner();
    await holding.startTransaction();
    try {
      const held = `SELECT FROM latchkey.organization_memberships WHERE identity_id = $1 FOR UPDATE`;
      await holding.query(held, [identityId]);
      const beganAt = performance.now();
      const answer = send();
      await meanwhile();
      while (performance.now() - beganAt < 300) await holding.query('SELECT pg_sleep(0.02)');
      await holding.commitTransaction();
      return await answer;
    } finally {
      await holding.release();
    }
  }

  // Seen red: the rights that a caller had when its request came were good for as long as the request waited.
  it('is not made for a caller that has lost its rights, or its token, and is for one that still has them', async () => {
    const { given, admin } = latchkey;
    const roleOf = async (id: string) => done(await admin.get(`/api/v1/identities/${id}`)).identity.role as string;
    const promote = (api: ApiClient, id: string) => () => api.patch(`/api/v1/identities/${id}`, { role: 'admin' });
    const [demoted, revoked, sound] = [
      await given.token({ role: 'admin' }),
      await given.token({ role: 'admin' }),
      await given.token({ role: 'admin' }),
    ];
    const [one, two, three] = [await given.identity(), await given.identity(), await given.identity()];
    const refused = await whileWaiting(one, promote(demoted.api, one), () =>
      admin.patch(`/api/v1/identities/${demoted.identityId}`, { role: 'member' }),
    );
    expect([refused.status, await roleOf(one)]).toEqual([503, 'no-access']);
    expect((await promote(demoted.api, one)()).status).toBe(403);
    const gone = await whileWaiting(two, promote(revoked.api, two), () =>
      admin.post(`/api/v1/auth/token-auth/tokens/${revoked.tokenId}/revoke`),
    );
    expect([gone.status, await roleOf(two)]).toEqual([401, 'no-access']);
    const made = await whileWaiting(three, promote(sound.api, three), () => Promise.resolve());
    expect([made.status, await roleOf(three)]).toEqual([200, 'admin']);
  });
});
