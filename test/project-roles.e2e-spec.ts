import { randomUUID } from 'node:crypto';
import { PROJECT_SUBJECTS } from '../src/permissions/projects/project-subjects';
import { type Answer, type ApiClient, refused } from './support/api-client';
import { done, type GivenOrganization, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { snapshot } from './support/snapshot';

const newSlug = () => `role-${randomUUID().slice(0, 8)}`;
const READ = { subject: 'identity', action: ['read'] };
const noRole = (name: string) => refused(404, 'NotFound', `Failed to find role ${name} in this project`);

describe('roles of a project', () => {
  let latchkey: TestLatchkey;
  let tenant: GivenOrganization;
  let admin: ApiClient;
  let projectId: string;
  let projectSlug: string;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    tenant = await latchkey.given.organization('Project roles');
    ({ admin } = tenant);
    ({ projectId, projectSlug } = await tenant.given.project());
  });
  afterAll(() => latchkey.stop());

  const roles = () => `/api/v1/projects/${projectId}/roles`;
  const members = () => `/api/v1/projects/${projectId}/memberships/identities`;
  const roleOf = (answer: Answer) => done(answer).role as { id: string; slug: string; permissions: object[] };
  const memberWith = async (...permissions: object[]): Promise<GivenToken & { roleId: string }> => {
    const { projectRoleId: roleId, roleSlug } = await tenant.given.projectRole(projectId, permissions);
    const token = await tenant.given.token();
    await tenant.given.member(token.identityId, projectId, { role: roleSlug });
    return { ...token, roleId };
  };

  it('are created, read, changed and deleted on every path; the oldest converts rules both ways', async () => {
    for (const path of [roles(), `/api/v2/workspace/${projectId}/roles`, `/api/v1/workspace/${projectSlug}/roles`]) {
      const sent = { slug: newSlug(), name: 'Minter', permissions: [{ subject: 'identity', action: 'read' }] };
      const made = roleOf(await admin.post(path, sent));
      const times = { createdAt: expect.any(String), updatedAt: expect.any(String) };
      const whole = { ...sent, ...times, id: made.id, description: null, projectId };
      expect(made).toEqual({ ...whole, permissions: [READ] });
      expect(roleOf(await admin.get(`/api/v1/projects/roles/${made.id}`))).toEqual(made);
      expect(roleOf(await admin.get(`${path}/slug/${made.slug}`))).toEqual(made);
      expect(roleOf(await admin.patch(`${path}/${made.id}`, {}))).toEqual(made);
      const change = {
        slug: newSlug(),
        name: 'Other',
        description: 'Why.',
        permissions: [{ ...READ, inverted: true }],
      };
      expect(roleOf(await admin.patch(`${path}/${made.id}`, change))).toEqual({ ...whole, ...change });
      expect(roleOf(await admin.delete(`${path}/${made.id}`)).id).toBe(made.id);
      expect(await admin.get(`/api/v1/projects/roles/${made.id}`)).toEqual(noRole(made.id));
      expect(await admin.delete(`${path}/${made.id}`)).toEqual(noRole(made.id));
    }
    const oldest = `/api/v1/workspace/${projectSlug}/roles`;
    const secrets = {
      subject: 'secrets',
      action: ['read', 'edit'],
      conditions: { environment: 'dev', secretPath: '/' },
    };
    const made = roleOf(await admin.post(oldest, { slug: newSlug(), name: 'Old', permissions: [secrets] }));
    expect(made.permissions).toEqual([secrets]);
    const { conditions } = secrets;
    expect(roleOf(await admin.get(`/api/v1/projects/roles/${made.id}`)).permissions).toEqual([
      secrets,
      { subject: 'secret-imports', action: ['read', 'edit'], conditions },
      {
        ...{ subject: 'dynamic-secrets', conditions },
        action: ['read-root-credential', 'edit-root-credential', 'lease'],
      },
      { subject: 'secret-folders', action: ['edit'], conditions },
    ]);
  });

  it('are listed without rules, the built-in ones first, which are read by slug and reserved', async () => {
    const { projectId: id } = await tenant.given.project();
    const own = await tenant.given.projectRole(id, [READ]);
    const listed = done(await admin.get(`/api/v1/projects/${id}/roles`)).roles as { slug: string; id: string }[];
    expect(listed.map(({ slug }) => slug)).toEqual(['admin', 'member', 'viewer', 'no-access', own.roleSlug]);
    expect(listed.some((role) => 'permissions' in role)).toBe(false);
    expect(roleOf(await admin.get(`${roles()}/slug/admin`)).permissions).toEqual(
      Object.entries(PROJECT_SUBJECTS).map(([subject, action]) => ({ subject, action })),
    );
    for (const slug of ['admin', 'Viewer', ' no-access ', 'custom', 'ssh-host-bootstrapper', 'аdmin', 'a'.repeat(65)]) {
      expect((await admin.post(roles(), { slug, name: 'x', permissions: [] })).status).toBe(422);
    }
    const taken = { slug: own.roleSlug, name: 'x', permissions: [] };
    expect((await admin.post(`/api/v1/projects/${id}/roles`, taken)).status).toBe(400);
    done(await admin.post(roles(), taken));
  });

  it('do what a Terraform provider asks: created, read back equal, updated, imported by slug, destroyed', async () => {
    const path = `/api/v2/workspace/${projectId}/roles`;
    const permissions = [
      { subject: 'secrets', action: ['describeSecret', 'edit'], conditions: { secretPath: { $glob: '/app/**' } } },
      { subject: 'identity', action: ['create-token'], conditions: { identityId: { $in: ['a', 'b'] } } },
    ];
    const plan = { slug: newSlug(), name: 'deployer', description: '', permissions };
    const { id } = roleOf(await admin.post(path, plan));
    expect(roleOf(await admin.get(`${path}/slug/${plan.slug}`))).toMatchObject({ id, ...plan });
    const next = { ...plan, name: 'deployer of Europe', permissions: permissions.slice(1) };
    expect(roleOf(await admin.patch(`${path}/${id}`, next))).toMatchObject(next);
    done(await admin.delete(`${path}/${id}`));
    expect(await admin.get(`${path}/slug/${plan.slug}`)).toEqual(noRole(plan.slug));
  });

  it('allow what they say and nothing else, and conditions decide about single identities', async () => {
    const [seen, hidden] = [
      await tenant.given.identity({ name: 'seen' }),
      await tenant.given.identity({ name: 'hidden' }),
    ];
    for (const id of [seen, hidden]) await tenant.given.member(id, projectId);
    const { api } = await memberWith({ ...READ, conditions: { identityId: { $in: [seen, 'x'] } } });
    done(await api.get(`${members()}/${seen}`));
    expect((await api.get(`${members()}/${hidden}`)).status).toBe(403);
    const { identityMemberships, totalCount } = done(await api.get(members())) as {
      identityMemberships: { identityId: string }[];
      totalCount: number;
    };
    expect([identityMemberships.map(({ identityId }) => identityId), totalCount]).toEqual([[seen], 1]);
    const own = { ...READ, conditions: { identityId: { $eq: '{{identity.id}}' } } };
    const self = await memberWith(own);
    done(await self.api.get(`${members()}/${self.identityId}`));
    expect((await self.api.get(`${members()}/${seen}`)).status).toBe(403);
    const packed = done(await self.api.get(`/api/v1/projects/${projectId}/permissions`)).data as {
      permissions: object;
    };
    expect(packed.permissions).toEqual([['read', 'identity', { identityId: { $eq: self.identityId } }]]);
  });

  it('change for everyone who has them on the next request', async () => {
    const { api, roleId } = await memberWith(READ);
    done(await api.get(members()));
    done(await admin.patch(`${roles()}/${roleId}`, { permissions: [] }));
    expect((await api.get(members())).status).toBe(403);
    done(await admin.patch(`${roles()}/${roleId}`, { permissions: [READ] }));
    done(await api.get(members()));
  });

  it('in use are not deleted: the refusal says by whom', async () => {
    const { identityId, roleId } = await memberWith(READ);
    const { status, body } = await admin.delete(`${roles()}/${roleId}`);
    expect(status).toBe(400);
    expect(body.message).toBe(`Members have this role: given (${identityId}). Give them another role first.`);
    expect(body.details).toEqual({ identities: [{ id: identityId, name: 'given' }], totalCount: 1 });
  });

  it('are written by those who cover them: before, after, and what a dropped prohibition gives back', async () => {
    const ROLES = { subject: 'role', action: ['read', 'create', 'edit'] };
    const writer = await memberWith(ROLES, { subject: 'tags', action: ['read', 'edit'] });
    const post = (...permissions: object[]) => writer.api.post(roles(), { slug: newSlug(), name: 'x', permissions });
    const TAGS = { subject: 'tags', action: ['read'] };
    const { id } = roleOf(await post(TAGS));
    const beyond = async (answer: Promise<Answer>, ...missing: object[]) => {
      const { status, body } = await answer;
      expect([status, body.error, body.details]).toEqual([
        403,
        'PermissionBoundaryError',
        { missingPermissions: missing },
      ]);
    };
    const before = await snapshot(latchkey.dataSource);
    const create = { action: 'create', subject: 'tags' };
    await beyond(post({ subject: 'tags', action: ['read', 'create'] }), create);
    await beyond(writer.api.patch(`${roles()}/${id}`, { permissions: [{ ...TAGS, action: ['create'] }] }), create);
    const own = { ...READ, conditions: { identityId: '{{identity.id}}' } };
    await beyond(post(own), { action: 'read', subject: 'identity' });
    const strong = await tenant.given.projectRole(projectId, [{ subject: 'workspace', action: ['delete'] }]);
    await beyond(writer.api.patch(`${roles()}/${strong.projectRoleId}`, { name: 'mine' }), {
      action: 'delete',
      subject: 'workspace',
    });
    // It takes from its holders what another role may give them.
    const ban = await tenant.given.projectRole(projectId, [{ subject: 'workspace', action: ['edit'], inverted: true }]);
    await beyond(writer.api.patch(`${roles()}/${ban.projectRoleId}`, { permissions: [] }), {
      action: 'edit',
      subject: 'workspace',
    });
    done(await writer.api.patch(`${roles()}/${ban.projectRoleId}`, { name: 'ban' }));
    done(await admin.delete(`${roles()}/${ban.projectRoleId}`));
    done(await admin.delete(`${roles()}/${strong.projectRoleId}`));
    expect(Object.keys(before).length).toBeGreaterThan(0);
  });

  it('are refused with what was wrong: names, conditions, paths, placeholders', async () => {
    const statusOf = async (rule: object) =>
      (await admin.post(roles(), { slug: newSlug(), name: 'x', permissions: [rule] })).status;
    const on = (subject: string, conditions: object) => ({ subject, action: 'read', conditions });
    for (const rule of [
      ...[
        { subject: 'organization', action: 'read' },
        { subject: 'identity', action: 'fly' },
      ],
      ...[on('tags', { environment: 'dev' }), on('identity', { identityId: { $glob: '*' } })],
      ...['app', '/app/', '/a//b', '/a/../b', '/.', '//'].map((secretPath) => on('secrets', { secretPath })),
      ...['{{user.id}}', '{{identity.secret}}', '{{}}'].map((identityId) => on('identity', { identityId })),
      on('secrets', { secretPath: { $glob: '/{{identity.id}}/**' } }),
    ]) {
      expect([rule, await statusOf(rule)]).toEqual([rule, 422]);
    }
    expect(await statusOf({ subject: 'secrets', action: ['read', 'readValue'] })).toBe(400);
    const many = Array.from({ length: 101 }, () => READ);
    expect((await admin.post(roles(), { slug: newSlug(), name: 'x', permissions: many })).status).toBe(422);
    for (const good of [on('secrets', { secretPath: '/a.b/c', secretName: { $glob: 'DB_*' } }), READ]) {
      expect([good, await statusOf(good)]).toEqual([good, 200]);
    }
  });
});
