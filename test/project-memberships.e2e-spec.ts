import { randomUUID } from 'node:crypto';
import { type Answer, type ApiClient, refused } from './support/api-client';
import { done, type GivenOrganization, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { snapshot } from './support/snapshot';
import { statementsOf } from './support/statements';

const STRANGER = refused(403, 'ForbiddenError', 'You are not a member of this project');
const denied = (action: string, subject: string) =>
  refused(403, 'PermissionDenied', `You are not allowed to ${action} on ${subject}`, []);
const beyond = (attempt: string, ...missingPermissions: object[]) =>
  refused(
    403,
    'PermissionBoundaryError',
    `Failed to ${attempt} with more privileged role. Actor privilege level is not high enough to perform this action`,
    { missingPermissions },
  );
const ADD = 'add identity to project';
const LAST_ADMIN = 'A project keeps at least one identity that holds the role admin itself and for good.';
const noMember = (id: string) => refused(404, 'NotFound', `Failed to find project membership of ${id}`);

interface Membership {
  readonly id: string;
  readonly identityId: string;
  readonly roles: { role: string; isTemporary: boolean; temporaryAccessEndTime: string | null }[];
}

describe('members of a project', () => {
  let latchkey: TestLatchkey;
  let tenant: GivenOrganization;
  let admin: ApiClient;
  let projectId: string;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    tenant = await latchkey.given.organization('Members');
    ({ admin } = tenant);
    ({ projectId } = await tenant.given.project());
  });
  afterAll(() => latchkey.stop());

  const newer = (project = projectId) => `/api/v1/projects/${project}/memberships/identities`;
  const older = (project = projectId) => `/api/v2/workspace/${project}/identity-memberships`;
  const membershipOf = (answer: Answer) => done(answer).identityMembership as Membership;
  const slugsOf = ({ roles }: Membership) => roles.map(({ role }) => role);
  const inHours = (hours: number) => new Date(latchkey.clock.now().getTime() + hours * 3_600_000).toISOString();
  const temporary = (role: string, range: string, start = inHours(-1)) => ({
    ...{ role, isTemporary: true, temporaryMode: 'relative', temporaryRange: range },
    temporaryAccessStartTime: start,
  });
  /** An identity with a token, and roles in the project. */
  const memberWith = async (...roles: object[]): Promise<GivenToken> => {
    const token = await tenant.given.token();
    membershipOf(await admin.post(`${newer()}/${token.identityId}`, { roles }));
    return token;
  };

  it('are added, read, changed and removed, each answered whole on both paths', async () => {
    for (const path of [newer(), older()]) {
      const identityId = await tenant.given.identity({ name: 'worker', metadata: [{ key: 'team', value: 'a' }] });
      const made = membershipOf(await admin.post(`${path}/${identityId}`, { role: 'viewer' }));
      const permanent = {
        ...{ isTemporary: false, temporaryMode: null, temporaryRange: null },
        ...{ temporaryAccessStartTime: null, temporaryAccessEndTime: null },
        ...{ customRoleId: null, customRoleName: null, customRoleSlug: null },
        ...{ id: expect.any(String), createdAt: expect.any(String), updatedAt: expect.any(String) },
      };
      const orgId = tenant.organizationId;
      expect(made).toEqual({
        ...{ id: expect.any(String), identityId, projectId, lastLoginAuthMethod: null, lastLoginTime: null },
        ...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
        metadata: [{ id: expect.any(String), key: 'team', value: 'a' }],
        identity: { id: identityId, name: 'worker', orgId, hasDeleteProtection: false, authMethods: [] },
        project: { id: projectId, name: 'given', type: 'secret-manager' },
        roles: [{ ...permanent, role: 'viewer' }],
      });
      expect(membershipOf(await admin.get(`${path}/${identityId}`))).toEqual(made);
      const byId = await admin.get(`/api/v2/workspace/identity-memberships/${made.id}`);
      expect(membershipOf(byId)).toEqual(made);
      expect(done(await admin.get(`/api/v1/identities/${identityId}/identity-memberships`))).toEqual({
        identityMemberships: [made],
        nextCursor: null,
      });
      const again = refused(
        400,
        'BadRequest',
        'The identity is a member of this project already. Update its membership instead.',
      );
      expect(await admin.post(`${path}/${identityId}`, { role: 'member' })).toEqual(again);
      const roles = [{ role: 'member' }, temporary('admin', '2h')];
      const changed = done(await admin.patch(`${path}/${identityId}`, { roles }));
      if (path === older()) expect(changed.roles).toMatchObject([{ projectMembershipId: made.id }, { role: 'admin' }]);
      const read = membershipOf(await admin.get(`${path}/${identityId}`));
      expect(slugsOf(read)).toEqual(['member', 'admin']);
      expect(read.roles[1]).toMatchObject({ isTemporary: true, temporaryAccessEndTime: expect.any(String) });
      expect(membershipOf(await admin.delete(`${path}/${identityId}`)).id).toBe(made.id);
      for (const attempt of [admin.get(`${path}/${identityId}`), admin.delete(`${path}/${identityId}`)]) {
        expect(await attempt).toEqual(noMember(identityId));
      }
      expect((await admin.patch(`${path}/${identityId}`, { roles: [{ role: 'viewer' }] })).status).toBe(404);
    }
  });

  it('do what a Terraform provider asks, whose permanent roles carry empty times', async () => {
    const identityId = await tenant.given.identity();
    const none = {
      isTemporary: false,
      temporaryMode: '',
      temporaryRange: '',
      temporaryAccessStartTime: '0001-01-01T00:00:00Z',
    };
    const path = `${older()}/${identityId}`;
    done(await admin.post(path, { projectId, identityId, roles: [{ role: 'member', ...none }] }));
    expect(slugsOf(membershipOf(await admin.get(path)))).toEqual(['member']);
    const next = [{ role: 'viewer', ...none }, temporary('member', '7d')];
    done(await admin.patch(path, { projectId, identityId, roles: next }));
    const read = membershipOf(await admin.get(path));
    expect(read.roles).toMatchObject([
      { role: 'viewer', isTemporary: false },
      { role: 'member', isTemporary: true, temporaryMode: 'relative', temporaryRange: '7d' },
    ]);
    done(await admin.delete(path));
    expect(await admin.get(path)).toEqual(noMember(identityId));
  });

  it('hold temporary roles from their start to their end on the clock of the database, to the millisecond', async () => {
    const token = await memberWith({ role: 'no-access' }, temporary('viewer', '1h', inHours(1)));
    const ask = () => token.api.get(newer());
    expect(await ask()).toEqual(denied('read', 'identity'));
    const start = latchkey.clock.now();
    latchkey.clock.set(new Date(start.getTime() + 3_600_000));
    done(await ask());
    latchkey.clock.set(new Date(start.getTime() + 7_199_000));
    done(await ask());
    latchkey.clock.set(new Date(start.getTime() + 7_200_000));
    expect(await ask()).toEqual(denied('read', 'identity'));
    latchkey.clock.set(start);
  });

  it('lose on the next request what was taken from them: a role, the membership, the project', async () => {
    const token = await memberWith({ role: 'viewer' });
    const path = `${newer()}/${token.identityId}`;
    done(await token.api.get(path));
    done(await admin.patch(path, { roles: [{ role: 'no-access' }] }));
    expect(await token.api.get(path)).toEqual(denied('read', 'identity'));
    done(await admin.patch(path, { roles: [{ role: 'viewer' }] }));
    done(await token.api.get(path));
    done(await admin.delete(path));
    expect(await token.api.get(path)).toEqual(STRANGER);
    const other = await tenant.given.project();
    done(await admin.post(`${newer(other.projectId)}/${token.identityId}`, { role: 'viewer' }));
    done(await token.api.get(newer(other.projectId)));
    done(await admin.delete(`/api/v1/projects/${other.projectId}`));
    expect((await token.api.get(newer(other.projectId))).status).toBe(404);
  });

  it('hand out no more than they hold, and for no longer', async () => {
    const nobody = await tenant.given.identity();
    const member = await memberWith({ role: 'member' });
    const GRANT = { action: 'grant-privileges', subject: 'identity' };
    expect(await member.api.post(`${newer()}/${nobody}`, { role: 'viewer' })).toEqual(beyond(ADD, GRANT));
    const more = await member.api.post(`${newer()}/${nobody}`, { role: 'admin' });
    expect(more.status).toBe(403);
    expect(JSON.stringify(more.body)).toContain('"missingPermissions":[{"action":"edit","subject":"workspace"}');
    const admins = await memberWith({ role: 'admin' });
    for (const attempt of [
      member.api.patch(`${newer()}/${admins.identityId}`, { roles: [{ role: 'no-access' }] }),
      member.api.delete(`${newer()}/${admins.identityId}`),
    ]) {
      expect((await attempt).body).toMatchObject({ error: 'PermissionBoundaryError' });
    }
    done(await admin.delete(`${newer()}/${admins.identityId}`));
    // No right is needed to give nothing.
    done(await member.api.post(`${newer()}/${nobody}`, { role: 'no-access' }));
    const brief = await memberWith({ role: 'no-access' }, temporary('admin', '2h'));
    const target = `${newer()}/${nobody}`;
    const roles = [{ role: 'no-access' }, temporary('viewer', '30m', inHours(0))];
    const forLonger = [{ role: 'no-access' }, temporary('viewer', '3h', inHours(0))];
    for (const beyondThem of [[{ role: 'viewer' }], forLonger]) {
      const answer = await brief.api.patch(target, { roles: beyondThem });
      expect(answer.body).toMatchObject({ error: 'PermissionBoundaryError' });
    }
    done(await brief.api.patch(target, { roles }));
    expect(await brief.api.delete(`${newer()}/${member.identityId}`)).toMatchObject({ status: 403 });
    expect((await brief.api.patch(`${newer()}/${brief.identityId}`, { roles: [{ role: 'admin' }] })).status).toBe(403);
  });

  it('are strong in no hands but theirs: nobody weaker in the project issues their credentials, or renames or deletes them', async () => {
    const strong = await memberWith({ role: 'viewer' });
    const member = await tenant.given.token({ role: 'member' });
    const identity = `/api/v1/identities/${strong.identityId}`;
    const auth = `/api/v1/auth/token-auth/identities/${strong.identityId}`;
    const before = await snapshot(latchkey.dataSource);
    for (const attempt of [
      member.api.post(`${auth}/tokens`, {}),
      member.api.patch(`/api/v1/auth/token-auth/tokens/${strong.tokenId}`, { name: 'mine' }),
      member.api.post(`/api/latchkey/v1/access-tokens/${strong.tokenId}/rotate`, {}),
      member.api.post(`/api/v1/auth/universal-auth/identities/${strong.identityId}`, {}),
      member.api.delete(auth),
      member.api.patch(identity, { name: 'mine' }),
      member.api.delete(identity),
    ]) {
      const { status, body } = await attempt;
      expect([status, body.error]).toEqual([403, 'PermissionBoundaryError']);
      expect(JSON.stringify(body)).toContain('{"action":"readValue","subject":"secrets"}');
    }
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    // An identity issues its own credentials, and whoever is as strong does.
    const maker = await tenant.given.role([{ subject: 'identity', action: ['create-token'] }]);
    done(await admin.patch(identity, { role: maker.slug }));
    done(await strong.api.post(`${auth}/tokens`, {}));
    done(await admin.post(`${auth}/tokens`, {}));
    done(await admin.post(`${newer()}/${member.identityId}`, { role: 'viewer' }));
    done(await member.api.post(`${auth}/tokens`, {}));
    // To revoke is easy: that needs no strength in projects.
    done(await admin.delete(`${newer()}/${member.identityId}`));
    done(await member.api.post(`/api/v1/auth/token-auth/tokens/${strong.tokenId}/revoke`));
  });

  it('always have an administrator among them: the last one is neither demoted nor removed nor deleted', async () => {
    const own = await tenant.given.token({ role: 'admin' });
    const project = (done(await own.api.post('/api/v1/projects', { projectName: 'led' })).project as { id: string }).id;
    const path = `${newer(project)}/${own.identityId}`;
    const last = (answer: Answer) => {
      expect(answer).toMatchObject({ status: 400, body: { error: 'BadRequest' } });
      expect(answer.body.message).toContain(LAST_ADMIN);
    };
    const before = await snapshot(latchkey.dataSource);
    last(await own.api.patch(path, { roles: [{ role: 'member' }] }));
    last(await own.api.patch(path, { roles: [{ role: 'member' }, temporary('admin', '7d')] }));
    const removed = await own.api.delete(`/api/v1/identities/${own.identityId}`);
    last(removed);
    expect(removed.body.message).toContain(`led (${project})`);
    expect(await own.api.delete(path)).toEqual(
      refused(400, 'BadRequest', 'You cannot remove yourself from a project. Another administrator can.'),
    );
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    const second = await tenant.given.token({ role: 'admin' });
    done(await own.api.post(`${newer(project)}/${second.identityId}`, { role: 'admin' }));
    done(await second.api.delete(path));
    last(await second.api.patch(`${newer(project)}/${second.identityId}`, { roles: [{ role: 'viewer' }] }));
  });

  it('that are two administrators and demote each other at once leave one of them', async () => {
    const [one, two] = [await tenant.given.token(), await tenant.given.token({ role: 'member' })];
    const project = (done(await two.api.post('/api/v1/projects', { projectName: 'duel' })).project as { id: string })
      .id;
    done(await two.api.post(`${newer(project)}/${one.identityId}`, { role: 'admin' }));
    const answers = await Promise.all([
      one.api.delete(`${newer(project)}/${two.identityId}`),
      two.api.delete(`${newer(project)}/${one.identityId}`),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
  });

  it('are refused with what was wrong: roles, times and identities that there are not', async () => {
    const identityId = await tenant.given.identity();
    const path = `${newer()}/${identityId}`;
    const statusOf = async (body: object) => (await admin.post(path, body)).status;
    expect(await statusOf({ role: 'no-such-role' })).toBe(404);
    expect(await statusOf({ role: 'custom' })).toBe(404);
    expect(await statusOf({ roles: [temporary('viewer', '1h')] })).toBe(400);
    const broken = [
      ...['0h', '1x', '-1h', '1.5h', '', '11y', '999999999y'].map((range) => temporary('viewer', range)),
      temporary('viewer', '1h', '2026-02-30T00:00:00Z'),
      { ...temporary('viewer', '1h'), temporaryMode: 'absolute' },
      { role: 'viewer', isTemporary: true },
    ];
    for (const one of broken)
      expect([one, await statusOf({ roles: [{ role: 'no-access' }, one] })]).toEqual([one, 400]);
    for (const roles of [[], [{}], [{ role: 1 }], 'viewer', Array.from({ length: 51 }, () => ({ role: 'viewer' }))]) {
      expect(await statusOf({ roles })).toBe(422);
    }
    const elsewhere = await latchkey.given.organization('Strangers');
    for (const id of [await elsewhere.given.identity(), randomUUID(), 'x']) {
      expect((await admin.post(`${newer()}/${id}`, { role: 'viewer' })).status).toBe(404);
      expect(await admin.get(`${newer()}/${id}`)).toEqual(noMember(id));
    }
    expect((await admin.get(`/api/v2/workspace/identity-memberships/${randomUUID()}`)).status).toBe(404);
  });

  it('have a bounded number of conditions in all their roles, when these are given and when one of them grows', async () => {
    const own = await tenant.given.project();
    const ofTexts = (count: number) => [
      {
        subject: 'identity',
        action: ['read'],
        conditions: { identityId: { $in: Array.from({ length: count }, String) } },
      },
    ];
    const large = await tenant.given.projectRole(own.projectId, ofTexts(50));
    const path = `${newer(own.projectId)}/${await tenant.given.identity()}`;
    const copies = (count: number) => [
      { role: 'no-access' },
      ...Array.from({ length: count }, (_, place) => temporary(large.roleSlug, `${place + 2}h`)),
    ];
    done(await admin.post(path, { roles: copies(40) }));
    const tooMany = refused(
      400,
      'BadRequest',
      'All roles of one member may have at most 2000 conditions together. A role that it has twice counts twice.',
    );
    expect(await admin.patch(path, { roles: copies(41) })).toEqual(tooMany);
    const role = `/api/v1/projects/${own.projectId}/roles/${large.projectRoleId}`;
    expect(await admin.patch(role, { permissions: ofTexts(51) })).toEqual(tooMany);
    done(await admin.patch(role, { permissions: ofTexts(49) }));
    done(await admin.patch(role, { permissions: ofTexts(50) }));
  });

  it('hold credentials that are proved over every project, in pages', async () => {
    const strong = await tenant.given.token();
    const member = await tenant.given.token({ role: 'member' });
    const projects: string[] = [];
    for (let count = 0; count < 21; count += 1) projects.push((await tenant.given.project()).projectId);
    const last = projects.sort().at(-1)!;
    for (const id of projects) {
      done(await admin.post(`${newer(id)}/${strong.identityId}`, { role: 'viewer' }));
      if (id !== last) done(await admin.post(`${newer(id)}/${member.identityId}`, { role: 'viewer' }));
    }
    const issue = () => member.api.post(`/api/v1/auth/token-auth/identities/${strong.identityId}/tokens`, {});
    expect(await issue()).toMatchObject({ status: 403, body: { error: 'PermissionBoundaryError' } });
    done(await admin.post(`${newer(last)}/${member.identityId}`, { role: 'viewer' }));
    done(await issue());
  });

  it('are listed a page at a time, by name, by role and by what the caller may see, at the cost of a page', async () => {
    const { projectId: id } = await tenant.given.project();
    const names = ['ann', 'bob', 'cid', 'dan', 'eve'];
    const ids: string[] = [];
    for (const name of names) {
      const identityId = await tenant.given.identity({ name });
      ids.push(identityId);
      done(await admin.post(`${newer(id)}/${identityId}`, { role: name === 'bob' ? 'viewer' : 'member' }));
    }
    const listed = async (query: string) => {
      const { identityMemberships, totalCount, nextCursor } = done(await admin.get(query));
      const found = identityMemberships as { identity: { name: string } }[];
      return { names: found.map(({ identity }) => identity.name), totalCount, nextCursor: nextCursor as string | null };
    };
    expect(await listed(`${newer(id)}?identityName=B`)).toEqual({ names: ['bob'], totalCount: 1, nextCursor: null });
    expect((await listed(`${newer(id)}?roles=viewer,no-access`)).names).toEqual(['bob']);
    const walk = async (path: string) => {
      const walked: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page = await listed(`${path}limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
        expect(page.totalCount).toBe(6);
        walked.push(...page.names);
        cursor = page.nextCursor;
      }
      return walked;
    };
    const creator = 'Organization Admin Identity';
    expect(await walk(`${newer(id)}?`)).toEqual([...names].reverse().concat(creator));
    expect(await walk(`${older(id)}?`)).toEqual([creator, ...names].sort());
    expect(await walk(`${older(id)}?orderDirection=desc&`)).toEqual([creator, ...names].sort().reverse());
    const counts: number[] = [];
    for (const limit of [1, 5]) {
      counts.push(await statementsOf(latchkey, () => admin.get(`${newer(id)}?limit=${limit}`)));
    }
    expect(counts[0]).toBe(counts[1]);
    expect((await admin.get(`${newer(id)}?cursor=x`)).status).toBe(422);
    expect((await admin.get(`${older(id)}?cursor=${Buffer.from('["a","b"]').toString('base64url')}`)).status).toBe(422);
  });
});
