import { randomUUID } from 'node:crypto';
import { VerificationPools } from '../src/database/connections/verification-pools';
import { type Answer, type ApiClient, refused } from './support/api-client';
import { done, type GivenOrganization, type GivenToken } from './support/given';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { snapshot } from './support/snapshot';

const PROJECTS = '/api/v1/projects';
const OLDER = '/api/v1/workspace';
const BY_SLUG = '/api/v2/workspace';

const denied = (action: string, subject: string) =>
  refused(403, 'PermissionDenied', `You are not allowed to ${action} on ${subject}`, []);
const noProject = (id: string) => refused(404, 'NotFound', `Project with ID '${id}' not found`);
const noSlug = (slug: string) => refused(404, 'NotFound', `Project with slug '${slug}' not found`);
const STRANGER = refused(403, 'ForbiddenError', 'You are not a member of this project');
const newSlug = () => `project-${randomUUID().slice(0, 8)}`;

describe('projects', () => {
  let latchkey: TestLatchkey;
  let tenant: GivenOrganization;
  let admin: ApiClient;
  let member: GivenToken;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    tenant = await latchkey.given.organization('Projects');
    ({ admin } = tenant);
    member = await tenant.given.token({ role: 'member' });
  });
  afterAll(() => latchkey.stop());

  const projectOf = (answer: Answer) => done(answer).project as Record<string, unknown> & { id: string; slug: string };

  it('are created, read, changed and deleted, each answered whole on every path', async () => {
    const sent = { projectName: ' Billing ', slug: newSlug(), projectDescription: '' };
    const made = projectOf(await admin.post(PROJECTS, { ...sent, kmsKeyId: '', template: '', type: 'secret-manager' }));
    const { id, slug } = made;
    expect(made).toEqual({
      ...{ id, _id: id, slug: sent.slug, name: 'Billing', description: null, type: 'secret-manager' },
      ...{ orgId: tenant.organizationId, version: 3, upgradeStatus: null, pitVersionLimit: 10, defaultProduct: null },
      ...{ autoCapitalization: false, kmsCertificateKeyId: null, kmsSecretManagerKeyId: null, secretSharing: true },
      ...{ auditLogsRetentionDays: null, hasDeleteProtection: false, showSnapshotsLegacy: false, environments: [] },
      ...{ secretDetectionIgnoreValues: null, enforceEncryptedSecretManagerSecretMetadata: false },
      ...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
    });
    expect(done(await admin.get(`${PROJECTS}/${id}`))).toEqual({ project: made });
    expect(done(await admin.get(`${OLDER}/${id}`))).toEqual({ workspace: made });
    for (const path of [`${PROJECTS}/slug/`, `${OLDER}/slug/`, `${BY_SLUG}/`]) {
      expect(done(await admin.get(path + slug))).toEqual(made);
    }
    const next = { name: 'Bills', description: 'Invoices.', pitVersionLimit: 5 };
    expect(projectOf(await admin.patch(`${PROJECTS}/${id}`, next))).toEqual({
      ...{ ...made, ...next, updatedAt: expect.any(String) },
    });
    expect(done(await admin.patch(`${OLDER}/${id}`, {})).workspace).toMatchObject(next);
    done(await admin.patch(`${BY_SLUG}/${slug}`, { hasDeleteProtection: true }));
    const isProtected = refused(403, 'ForbiddenError', 'Project delete protection is enabled');
    expect(await admin.delete(`${PROJECTS}/${id}`)).toEqual(isProtected);
    done(await admin.patch(`${BY_SLUG}/${slug}`, { hasDeleteProtection: false }));
    expect(projectOf(await admin.delete(`${PROJECTS}/${id}`))).toMatchObject({ id, name: 'Bills' });
    for (const again of [admin.get(`${PROJECTS}/${id}`), admin.delete(`${OLDER}/${id}`)]) {
      expect(await again).toEqual(noProject(id));
    }
    expect(await admin.get(`${BY_SLUG}/${slug}`)).toEqual(noSlug(slug));
  });

  it('do what a Terraform provider asks: created, read back equal, updated, imported by slug, destroyed', async () => {
    const slug = newSlug();
    const plan = {
      projectName: 'infra',
      slug,
      projectDescription: '',
      organizationSlug: '',
      hasDeleteProtection: false,
    };
    const { id } = projectOf(await admin.post(BY_SLUG, plan));
    const readBack = { id, slug, name: 'infra', description: null, hasDeleteProtection: false };
    expect(done(await admin.get(`${OLDER}/${id}`)).workspace).toMatchObject(readBack);
    const change = { projectId: id, slug, name: 'infra-eu', description: '', hasDeleteProtection: false };
    expect(done(await admin.patch(`${BY_SLUG}/${slug}`, change))).toMatchObject({ ...readBack, name: 'infra-eu' });
    expect(done(await admin.get(`${BY_SLUG}/${slug}`))).toMatchObject({ ...readBack, name: 'infra-eu' });
    done(await admin.delete(`${BY_SLUG}/${slug}`));
    expect(await admin.get(`${OLDER}/${id}`)).toEqual(noProject(id));
    // The slug is free at once.
    done(await admin.post(BY_SLUG, plan));
  });

  it('belong to whoever makes them: the creator is their admin, and other admins of the organization are not in them', async () => {
    const { projectId, projectSlug } = await tenant.given.project();
    const made = projectOf(await member.api.post(PROJECTS, { projectName: 'mine' }));
    expect(made.slug).toMatch(/^mine-[a-z0-9]{4}$/);
    done(await member.api.patch(`${PROJECTS}/${made.id}`, { name: 'ours' }));
    const before = await snapshot(latchkey.dataSource);
    for (const [api, id, slug] of [
      [admin, made.id, made.slug],
      [member.api, projectId, projectSlug],
    ] as const) {
      for (const attempt of [
        api.get(`${PROJECTS}/${id}`),
        api.get(`${OLDER}/${id}`),
        api.patch(`${PROJECTS}/${id}`, { name: 'taken' }),
        api.delete(`${PROJECTS}/${id}`),
        api.get(`${PROJECTS}/slug/${slug}`),
        api.patch(`${BY_SLUG}/${slug}`, { name: 'taken' }),
        api.delete(`${BY_SLUG}/${slug}`),
      ]) {
        expect(await attempt).toEqual(STRANGER);
      }
    }
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  });

  it('of another organization are not there, whoever asks', async () => {
    const other = await latchkey.given.organization('Elsewhere');
    const { projectId, projectSlug } = await other.given.project();
    for (const id of [projectId, randomUUID(), 'x', `${projectId}x`]) {
      expect(await admin.get(`${PROJECTS}/${id}`)).toEqual(noProject(id));
      expect(await admin.patch(`${OLDER}/${id}`, { name: 'taken' })).toEqual(noProject(id));
    }
    for (const slug of [projectSlug, 'no-such-slug', '%00', '__proto__']) {
      expect((await admin.delete(`${BY_SLUG}/${slug}`)).status).toBe(404);
    }
    done(await other.admin.get(`${PROJECTS}/${projectId}`));
    // Another organization may have the same slug.
    expect(projectOf(await admin.post(PROJECTS, { projectName: 'same', slug: projectSlug })).slug).toBe(projectSlug);
  });

  it('need the right to create one, by its present or its former name', async () => {
    const nobody = await tenant.given.token();
    expect(await nobody.api.post(PROJECTS, { projectName: 'x' })).toEqual(denied('create', 'project'));
    expect(await nobody.api.post(BY_SLUG, { projectName: 'x' })).toEqual(denied('create', 'project'));
    const { slug } = await tenant.given.role([{ subject: 'workspace', action: 'create' }]);
    projectOf(await (await tenant.given.token({ role: slug })).api.post(PROJECTS, { projectName: 'x' }));
  });

  it('are refused with what was wrong: slugs that are taken or malformed, names, other types', async () => {
    const { projectId, projectSlug } = await tenant.given.project();
    const taken = refused(
      400,
      'BadRequest',
      `A project with the slug "${projectSlug}" already exists in your organization. Please choose a different name or slug.`,
    );
    expect(await admin.post(PROJECTS, { projectName: 'x', slug: projectSlug })).toEqual(taken);
    const other = await tenant.given.project();
    expect(await admin.patch(`${PROJECTS}/${other.projectId}`, { slug: projectSlug })).toEqual(taken);
    for (const body of [
      {},
      { projectName: ' ' },
      { projectName: 'x'.repeat(65) },
      ...['Abcde', 'a--bcd', 'abcd', '-abcd', 'abcde\u0301', 'a'.repeat(37)].map((slug) => ({
        projectName: 'x',
        slug,
      })),
      { projectName: 'x', hasDeleteProtection: 'no' },
    ]) {
      expect((await admin.post(PROJECTS, body)).status).toBe(422);
    }
    for (const body of [{ type: 'kms' }, { template: 'mine' }, { kmsKeyId: 'k' }]) {
      expect((await admin.post(PROJECTS, { projectName: 'x', ...body })).status).toBe(400);
    }
    expect((await admin.patch(`${PROJECTS}/${projectId}`, { pitVersionLimit: 0 })).status).toBe(422);
  });

  it('are listed to those who are in them, a page at a time, with as many statements for one as for many', async () => {
    const { api } = await tenant.given.token({ role: 'member' });
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      ids.push(projectOf(await api.post(PROJECTS, { projectName: 'listed' })).id);
    }
    ids.sort();
    const listed = done(await api.get(PROJECTS)) as { projects: { id: string }[]; nextCursor: null };
    expect(listed.projects.map(({ id }) => id)).toEqual(ids);
    expect(listed.nextCursor).toBeNull();
    expect(done(await api.get(OLDER)).workspaces).toEqual(listed.projects);
    expect(done(await api.get(`${PROJECTS}?type=kms`)).projects).toEqual([]);
    const walked: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Answer['body'] = done(
        await api.get(`${PROJECTS}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`),
      );
      walked.push(...(page.projects as { id: string }[]).map(({ id }) => id));
      cursor = page.nextCursor as string | null;
    }
    expect(walked).toEqual(ids);
    const query = jest.spyOn(PostgresQueryRunner.prototype, 'query');
    const aboutProjects = () => query.mock.calls.filter(([statement]) => /\bprojects\b/.test(statement)).length;
    try {
      for (const limit of [1, 5]) done(await api.get(`${PROJECTS}?limit=${limit}`));
      expect(aboutProjects()).toBe(2);
    } finally {
      query.mockRestore();
    }
    expect((await api.get(`${PROJECTS}?cursor=${Buffer.from('x').toString('base64url')}`)).status).toBe(422);
  });

  it('are answered from memory, without a query for rights, until something about them changes', async () => {
    const { projectId } = await tenant.given.project();
    done(await admin.get(`${PROJECTS}/${projectId}`));
    const query = jest.spyOn(latchkey.app.get(VerificationPools), 'query');
    try {
      done(await admin.get(`${PROJECTS}/${projectId}`));
      expect(query).not.toHaveBeenCalled();
      done(await admin.delete(`${PROJECTS}/${projectId}`));
      expect(await admin.get(`${PROJECTS}/${projectId}`)).toEqual(noProject(projectId));
    } finally {
      query.mockRestore();
    }
  });
});
