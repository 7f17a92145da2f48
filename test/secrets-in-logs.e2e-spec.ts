import { randomBytes } from 'node:crypto';
import { AccessTokens } from '../src';
import { ObservationQueue } from '../src/changes/observation.queue';
import type { Answer } from './support/api-client';
import { done, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { refusing } from './support/refusing';

const DETAILS = '/api/v1/identities/details';

describe('what is logged, refused, and kept in the audit log', () => {
  let latchkey: TestLatchkey;
  const secrets: string[] = [];
  const refusals: string[] = [];

  const secret = (): string => {
    const text = `canary ${randomBytes(12).toString('base64')}/+`;
    secrets.push(text);
    return text;
  };
  const note = async (answer: Promise<Answer>, status: number): Promise<void> => {
    const { status: actual, body, headers } = await answer;
    expect(actual).toBe(status);
    refusals.push(JSON.stringify(body), JSON.stringify([...headers]));
  };
  const tokenOf = (token: GivenToken): GivenToken => {
    secrets.push(token.accessToken, token.accessToken.split('.')[2]!);
    return token;
  };

  /** The ways a text can be spelled in a log line. */
  const spellings = (text: string): string[] => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    new URLSearchParams({ text }).toString().slice('text='.length),
    Buffer.from(text).toString('base64'),
    Buffer.from(text).toString('base64url'),
    Buffer.from(text).toString('hex'),
  ];

  beforeAll(async () => {
    latchkey = await startLatchkey({ keys: { prefix: 'acme_live_', imported: ['old_'] } });
    secrets.push(latchkey.authSecret, latchkey.admin.token!);
  });
  afterAll(() => latchkey.stop());

  const tourOfTokens = async () => {
    const { admin, anonymous, given } = latchkey;
    const token = tokenOf(await given.token({ name: 'tour' }));
    const { identityId, tokenId, accessToken, api } = token;
    const methods = `/api/v1/auth/token-auth/identities/${identityId}`;
    for (const path of [DETAILS, `/api/v1/identities/${identityId}`]) await api.get(path);
    await admin.patch(methods, { accessTokenTTL: 60 });
    await admin.get(`${methods}/tokens`);
    await admin.patch(`/api/v1/auth/token-auth/tokens/${tokenId}`, { name: 'renamed' });
    secrets.push(done(await anonymous.post('/api/v1/auth/token/renew', { accessToken })).accessToken as string);
    await note(api.get(`/api/v1/identities/${identityId}`), 403);
    await note(anonymous.post(methods, {}, { authorization: `Basic ${accessToken}` }), 401);
    await note(latchkey.as(`${accessToken}x`).get(DETAILS), 401);
    await note(latchkey.as(secret()).get(DETAILS), 401);
    await note(anonymous.post('/api/v1/auth/token/renew', { accessToken: secret() }), 401);
    await note(anonymous.post('/api/v1/auth/token/revoke', { accessToken: { text: secret() } }), 422);
    await anonymous.post('/api/v1/auth/token/revoke', { accessToken });
    await note(anonymous.post('/api/v1/auth/token/renew', { accessToken }), 401);
    await note(api.get(`${DETAILS}?token=${encodeURIComponent(accessToken)}`), 401);
    await admin.delete(methods);
    await admin.delete(`/api/v1/identities/${identityId}`);
  };

  const tourOfShortKeys = async () => {
    const { anonymous, given, app } = latchkey;
    const { identityId } = await given.token();
    const { accessToken: key, tokenId, visibleStart } = await app.get(AccessTokens).issue({ identityId });
    const imported = `old_${randomBytes(16).toString('hex')}`;
    // The visible start may be shown, and so may a hash; whatever more there is of a key may not.
    secrets.push(key.slice(visibleStart!.length), imported);
    expect((await latchkey.as(key).get(DETAILS)).status).toBe(200);
    const bad = [`${key}x`, key.slice(0, -1), key.replace('acme', 'other'), imported, `old_${secret()}`];
    for (const text of bad) await note(latchkey.as(text).get(DETAILS), 401);
    await note(anonymous.post('/api/v1/auth/token/renew', { accessToken: key }), 400);
    for (const path of ['renew', 'revoke']) {
      await note(anonymous.post(`/api/v1/auth/token/${path}`, { accessToken: `${key}x` }), 401);
    }
    await refusing(latchkey, { event: 'UPDATE', table: 'identity_access_tokens' }, async () => {
      await note(anonymous.post('/api/v1/auth/token/revoke', { accessToken: key }), 503);
      const issued = app.get(AccessTokens).issue({ identityId });
      refusals.push(String(await issued.catch((error: unknown) => error)));
    });
    await app.get(AccessTokens).revoke(tokenId);
    await note(latchkey.as(key).get(DETAILS), 401);
  };

  const tourOfLogins = async () => {
    const { admin, anonymous, given } = latchkey;
    const path = '/api/v1/auth/universal-auth/login';
    const client = await given.client({ policy: { lockoutThreshold: 2 } });
    const { clientId, clientSecret, identityId, clientSecretId } = client;
    secrets.push(clientSecret);
    for (const body of [client, new URLSearchParams({ clientId, clientSecret }).toString()]) {
      const type = typeof body === 'string' ? { 'content-type': 'application/x-www-form-urlencoded' } : undefined;
      secrets.push(done(await anonymous.post(path, body, type)).accessToken as string);
    }
    await note(anonymous.post(path, { clientId, clientSecret: secret() }), 401);
    await note(anonymous.post(path, { clientId: secret(), clientSecret: secret() }), 401);
    await note(anonymous.post(path, { clientId, clientSecret: [secret()] }), 422);
    await note(anonymous.post(path, `clientSecret=${secret()}`), 400);
    await note(anonymous.post(path, { ...client, organizationSlug: 'elsewhere' }), 404);
    await refusing(latchkey, { event: 'INSERT', table: 'identity_access_tokens' }, () =>
      note(anonymous.post(path, client), 503),
    );
    for (let i = 0; i < 3; i += 1) await note(anonymous.post(path, { clientId, clientSecret: secret() }), 401);
    await note(anonymous.post(path, client), 401);
    expect(latchkey.logs.filter((line) => line.includes('login.succeeded'))).toHaveLength(2);
    expect(latchkey.logs.filter((line) => line.includes('login.locked_out'))).toHaveLength(1);
    const methods = `/api/v1/auth/universal-auth/identities/${identityId}`;
    await admin.get(`${methods}/client-secrets`);
    await admin.post(`${methods}/client-secrets/${clientSecretId}/revoke`);
    await refusing(latchkey, { event: 'INSERT', table: 'client_secrets' }, () =>
      note(admin.post(`${methods}/client-secrets`, { description: secret() }), 503),
    );
  };

  const tourOfBodies = async () => {
    const { admin, anonymous } = latchkey;
    const json = 'application/json';
    for (const path of ['/api/v1/auth/token/renew', '/api/v1/auth/token/revoke', '/api/v1/admin/bootstrap']) {
      await note(anonymous.post(path, `{"password": "${secret()}", `), 400);
      await note(anonymous.post(path, `${secret()}`), 400);
      await note(anonymous.post(path, JSON.stringify(secret())), 422);
      await note(anonymous.post(path, `{"__proto__": {"x": "${secret()}"}}`, { 'content-type': json }), 400);
      await note(anonymous.post(path, secret(), { 'content-type': 'text/plain' }), 415);
      await note(anonymous.post(path, secret(), { 'content-type': 'multipart/form-data; boundary=x' }), 415);
      await note(anonymous.post(path, `"${secret().repeat(5_000)}"`), 413);
    }
    await note(admin.post('/api/v1/identities', { name: 3, organizationId: secret(), role: [secret()] }), 422);
    await note(admin.post('/api/v1/identities/search', { search: { name: { [secret()]: secret() } } }), 422);
  };

  const tourOfTheDatabase = async () => {
    const { admin, anonymous, given, dataSource } = latchkey;
    const { organizationId } = given;
    const words = 'words of the database';
    await refusing(latchkey, { event: 'INSERT', table: 'identity_metadata', words }, () =>
      note(
        admin.post('/api/v1/identities', { name: 'x', organizationId, metadata: [{ key: 'k', value: secret() }] }),
        503,
      ),
    );
    const person = { email: 'twice@acme.test', organization: 'Twice' };
    const bootstrap = () => anonymous.post('/api/v1/admin/bootstrap', { ...person, password: secret() });
    await dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
    secrets.push(done(await bootstrap()).identity.credentials.token as string);
    await note(bootstrap(), 400);
    // The one person is there already, which only a hand in the database can bring about.
    await dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
    const answer = await bootstrap();
    refusals.push(JSON.stringify(answer.body));
    expect(answer.status).not.toBe(200);
    secrets.push(done(await admin.post('/api/v2/organizations', { name: 'x' })).identity.credentials.token as string);
    const { identityId } = await given.token();
    await refusing(latchkey, { event: 'INSERT', table: 'identity_access_tokens', words }, () =>
      note(admin.post(`/api/v1/auth/token-auth/identities/${identityId}/tokens`, { name: secret() }), 503),
    );
  };

  it('holds no token, password, secret or anything else that was sent, however it is spelled', async () => {
    await tourOfTokens();
    await tourOfShortKeys();
    await tourOfLogins();
    await tourOfBodies();
    await tourOfTheDatabase();
    await latchkey.app.get(ObservationQueue, { strict: false }).flush();
    const events = await latchkey.dataSource.query<{ event: string }[]>(
      'SELECT l::text AS event FROM latchkey.audit_logs l',
    );
    expect(events.length).toBeGreaterThan(30);
    refusals.push(...events.map(({ event }) => event));

    const log = latchkey.logs.join('\n');
    const told = refusals.join('\n');
    expect(latchkey.logs.filter((line) => line.includes('request.refused')).length).toBeGreaterThan(20);
    // Four requests were refused by a trigger, and one line a second says so.
    expect(latchkey.logs.filter((line) => line.includes('P0001'))).not.toEqual([]);
    const leaked = secrets.filter((text) => spellings(text).some((way) => log.includes(way) || told.includes(way)));
    expect(leaked).toEqual([]);
    for (const word of ['words of the database', 'twice@acme.test', 'uq_', 'SELECT', 'node_modules', '/src/']) {
      expect(told).not.toContain(word);
    }
    expect(log).not.toContain('words of the database');
    expect(log).not.toContain('twice@acme.test');
  }, 60_000);
});
