import { decodeJwt } from 'jose';
import { TestAuthority } from './support/certificates';
import { type Answer, answered, invalid, refused } from './support/api-client';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { tokenNamed, TokenReviewPeer } from './support/token-review-peer';

const LOGIN = '/api/v1/auth/kubernetes-auth/login';
const IDENTITIES = '/api/v1/auth/kubernetes-auth/identities';
const ACCOUNT = 'system:serviceaccount:payments:api';
const REVIEWER = tokenNamed('the reviewer');

const denied = (message: string, error = 'UnauthorizedError') => refused(401, error, message);
const UNAVAILABLE = refused(
  503,
  'ServiceUnavailable',
  'The Kubernetes API server cannot be asked to review the token. Please try again.',
);

let latchkey: TestLatchkey;
let cluster: TokenReviewPeer;

beforeAll(async () => {
  cluster = await TokenReviewPeer.start();
  cluster.reviewers.add(REVIEWER);
  latchkey = await startLatchkey({ outboundAllow: ['127.0.0.0/8'], outboundTimeoutMs: 2_000 });
});
beforeEach(() => cluster.answerAsItShould());
afterAll(async () => {
  await latchkey.stop();
  await cluster.https.stop();
});

const bound = () => ({
  kubernetesHost: cluster.https.url,
  caCert: cluster.https.authority.cert.trim(),
  tokenReviewerJwt: REVIEWER,
  allowedNamespaces: 'payments',
  allowedNames: '',
});
const attach = (identityId: string, body: object) => latchkey.admin.post(`${IDENTITIES}/${identityId}`, body);
const update = (identityId: string, body: object) => latchkey.admin.patch(`${IDENTITIES}/${identityId}`, body);

async function attached(body: object = {}): Promise<string> {
  const identityId = await latchkey.given.identity();
  done(await attach(identityId, { ...bound(), ...body }));
  return identityId;
}

const login = (identityId: string, jwt: string): Promise<Answer> => latchkey.anonymous.post(LOGIN, { identityId, jwt });
const pod = () => cluster.account('payments', 'api');

describe('Kubernetes Auth', () => {
  it('is attached, read, updated and removed, and never shows its reviewer token', async () => {
    const identityId = await latchkey.given.identity();
    // As Terraform sends it.
    const sent = {
      ...bound(),
      allowedNames: 'api,worker-*',
      allowedAudience: '',
      tokenReviewMode: 'api',
      gatewayId: null,
    };
    const { identityKubernetesAuth } = done(await attach(identityId, { ...sent, accessTokenTTL: 600 }));
    const shown = { ...sent, allowedNames: 'api, worker-*', tokenReviewerJwt: '', verifyTlsCertificate: true };
    expect(identityKubernetesAuth).toMatchObject({ identityId, accessTokenTTL: 600, ...shown, gatewayPoolId: null });
    const path = `${IDENTITIES}/${identityId}`;
    expect(await latchkey.admin.get(path)).toEqual(answered({ identityKubernetesAuth }));
    const changed = { ...identityKubernetesAuth, allowedNames: 'api', updatedAt: expect.any(String) };
    const change = { allowedNames: 'api', tokenReviewerJwt: '' };
    expect(await update(identityId, change)).toEqual(answered({ identityKubernetesAuth: changed }));
    expect((await login(identityId, pod())).status).toBe(200);
    expect(cluster.reviews.at(-1)!.bearer).toBe(REVIEWER);
    const { identityKubernetesAuth: removed } = done(await latchkey.admin.delete(path));
    expect({ ...removed, caCert: shown.caCert, tokenReviewerJwt: '' }).toEqual(changed);
    expect(removed).not.toHaveProperty('tokenReviewerJwt');
    const missing = refused(404, 'NotFound', 'The identity does not have Kubernetes Auth attached');
    for (const answer of [await latchkey.admin.get(path), await update(identityId, change)]) {
      expect(answer).toEqual(missing);
    }
    expect(latchkey.logs.join()).not.toContain(REVIEWER);
  });

  it.each<[object, [string, (string | number)[], string]]>([
    [{ kubernetesHost: null }, ['custom', ['kubernetesHost'], expect.stringContaining('a Kubernetes host must be')]],
    [{ kubernetesHost: 'a b' }, ['custom', ['kubernetesHost'], expect.stringContaining('Expected a host name')]],
    [{ kubernetesHost: 'http://1.1.1.1' }, ['custom', ['kubernetesHost'], expect.stringContaining('https URL')]],
    [{ caCert: 'x' }, ['custom', ['caCert'], 'Expected certificates in PEM']],
    [{ tokenReviewerJwt: 'a b' }, ['custom', ['tokenReviewerJwt'], 'Expected a token']],
    [{ verifyTlsCertificate: false }, ['custom', ['verifyTlsCertificate'], expect.stringContaining('clear caCert')]],
    [{ tokenReviewMode: 'gateway' }, ['custom', ['tokenReviewMode'], expect.stringContaining('no gateways')]],
    [{ gatewayId: 'x' }, ['custom', ['gatewayId'], expect.stringContaining('no gateways')]],
    [{ allowedNamespaces: '' }, ['custom', ['allowedNamespaces'], expect.stringContaining('every service account')]],
    [
      { allowedNamespaces: 'a, *' },
      ['custom', ['allowedNamespaces'], expect.stringContaining('every service account')],
    ],
    [{ allowedNames: '!a' }, ['custom', ['allowedNames'], expect.stringContaining('must not begin with !')]],
  ])('refuses a configuration that cannot be meant: %j', async (body, issue) => {
    const identityId = await latchkey.given.identity();
    const whole = { ...bound(), ...body };
    expect(await attach(identityId, whole)).toEqual(invalid(issue));
    expect(await update(await attached(), { tokenReviewerJwt: REVIEWER, ...body })).toEqual(invalid(issue));
  });

  it('reaches no metadata service, no private address that is not allowed, and not its own database', async () => {
    const identityId = await latchkey.given.identity();
    const database = new URL(process.env.LATCHKEY_TEST_DATABASE!);
    const local = refused(400, 'BadRequest', 'Local IPs not allowed as URL');
    const own = database.port === '' || database.port === '5432' ? [] : [`127.0.0.1:${database.port}`];
    for (const kubernetesHost of ['169.254.169.254', 'https://10.0.0.1:6443', ...own]) {
      expect(await attach(identityId, { ...bound(), kubernetesHost })).toEqual(local);
    }
  });

  it('sends a reviewer token that is stored to no other server, nor to one that is trusted otherwise', async () => {
    const identityId = await attached();
    const again = invalid(['custom', ['tokenReviewerJwt'], expect.stringContaining('Give the token again')]);
    for (const move of [
      { kubernetesHost: 'https://1.1.1.1' },
      { caCert: new TestAuthority().cert },
      { caCert: null, verifyTlsCertificate: false },
    ]) {
      expect(await update(identityId, move)).toEqual(again);
      expect((await update(identityId, { ...move, tokenReviewerJwt: null })).status).toBe(200);
      done(await update(identityId, bound()));
    }
  });
});

describe('a login with the token of a service account', () => {
  it('answers a token that says whose it is, and takes the white space of a file', async () => {
    const identityId = await attached({ accessTokenTTL: 600 });
    const answer = await login(identityId, `${pod()}\n`);
    expect(answer).toEqual(
      answered({ accessToken: expect.any(String), expiresIn: 600, accessTokenMaxTTL: 2592000, tokenType: 'Bearer' }),
    );
    const identityAuth = { kubernetes: { namespace: 'payments', name: 'api' } };
    const { accessToken } = answer.body as { accessToken: string };
    expect(decodeJwt(accessToken)).toMatchObject({ identityId, authMethod: 'kubernetes-auth', identityAuth });
    const { review } = cluster.reviews.at(-1)!;
    expect(review).toEqual({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: pod() } });
  });

  it('is reviewed with the token itself where there is no reviewer', async () => {
    const identityId = await attached({ tokenReviewerJwt: null });
    const jwt = pod();
    expect(await login(identityId, jwt)).toEqual(
      denied(expect.stringContaining('system:auth-delegator'), 'KubernetesTokenReviewerForbidden'),
    );
    cluster.reviewers.add(jwt);
    expect((await login(identityId, jwt)).status).toBe(200);
    expect(cluster.reviews.at(-1)).toMatchObject({ bearer: jwt, review: { spec: { token: jwt } } });
    cluster.reviewers.delete(jwt);
  });

  it('asks for the audience, and believes no server that has not checked it', async () => {
    const identityId = await attached({ allowedAudience: 'latchkey' });
    expect((await login(identityId, cluster.account('payments', 'api', ['latchkey', 'x']))).status).toBe(200);
    expect(cluster.reviews.at(-1)!.review.spec.audiences).toEqual(['latchkey']);
    const wrong = expect.stringMatching(/^\[invalid bearer token, token audiences/);
    expect(await login(identityId, pod())).toEqual(denied(wrong, 'KubernetesTokenReviewError'));
    for (const audiences of [undefined, null, 'latchkey', ['other']]) {
      cluster.say({ authenticated: true, user: { username: ACCOUNT }, audiences });
      expect(await login(identityId, pod())).toEqual(denied('Access denied: K8s audience not allowed.'));
    }
  });

  it('is for the namespaces and names that are listed', async () => {
    const identityId = await attached({ allowedNamespaces: 'payments, stage-*', allowedNames: 'api, worker-*' });
    for (const [namespace, name] of [
      ['payments', 'api'],
      ['stage-1', 'worker-2'],
    ] as const) {
      expect((await login(identityId, cluster.account(namespace, name))).status).toBe(200);
    }
    for (const namespace of ['payment', 'paymentsx', 'stage']) {
      expect(await login(identityId, cluster.account(namespace, 'api'))).toEqual(
        denied('Access denied: K8s namespace not allowed.'),
      );
    }
    const name = denied('Access denied: K8s name not allowed.');
    expect(await login(identityId, cluster.account('payments', 'apis'))).toEqual(name);
  });

  it('is refused where the API server says no, each with its reason', async () => {
    const identityId = await attached();
    const any = await attached({ allowedNamespaces: 'pay*, Pay*, a*', allowedNames: '' });
    expect(await login(identityId, tokenNamed('unknown'))).toEqual(
      denied('invalid bearer token', 'KubernetesTokenReviewError'),
    );
    cluster.say({ user: {} });
    expect(await login(identityId, pod())).toEqual(denied('Kubernetes token not authenticated'));
    cluster.say({ authenticated: 'true', user: { username: ACCOUNT } });
    expect(await login(identityId, pod())).toEqual(denied('Kubernetes token not authenticated'));
    // Seen red: names that no account has went into the access token.
    for (const account of [
      'Payments:api',
      'pay\0ments:api',
      'payments:api\n',
      'payments:{{x}}',
      ':api',
      'payments:',
      'payments:api:x',
      'payments:-',
      `payments:${'a'.repeat(254)}`,
      `${'a'.repeat(64)}:api`,
    ]) {
      cluster.say({ authenticated: true, user: { username: `system:serviceaccount:${account}` } });
      expect(await login(any, pod())).toMatchObject({ status: 400, body: { error: 'KubernetesUsernameParseError' } });
    }
    cluster.answerAsItShould();
    const words = 'Invalid Kubernetes service account username format: "admin"';
    expect(await login(identityId, cluster.user('admin'))).toEqual(refused(400, 'KubernetesUsernameParseError', words));
    const other = await attached({ tokenReviewerJwt: tokenNamed('expired') });
    expect(await login(other, pod())).toEqual(
      denied('The token for reviewing is invalid or has expired', 'KubernetesTokenReviewerUnauthorized'),
    );
  });

  it('that is no JWT is refused without asking, and quotes of the server bring no token back', async () => {
    const identityId = await attached();
    const before = cluster.https.asked.length;
    for (const jwt of ['x', 'a.b', 'a.b.c.d', 'a.b.c\r\nx']) {
      expect(await login(identityId, jwt)).toEqual(denied('Kubernetes token not authenticated'));
    }
    expect(cluster.https.asked.length).toBe(before);
    const jwt = tokenNamed('x'.repeat(100));
    cluster.say({ error: `bad token ${jwt}` });
    expect(await login(identityId, jwt)).toEqual(denied('bad token …', 'KubernetesTokenReviewError'));
    expect(latchkey.logs.join()).not.toContain(jwt);
  });

  it('is 503 while the API server cannot be asked or says nothing usable, with the reason in the log', async () => {
    const identityId = await attached();
    const peer = cluster.https;
    const user = { username: 7 };
    const cases: [string, () => void][] = [
      ['status_429', () => peer.answerJson({}, {}, 429)],
      ['status_404', () => peer.answerJson({ kind: 'Status' }, {}, 404)],
      ['unusable_answer', () => (peer.answer = (_, response) => void response.writeHead(201).end('<html>'))],
      ['unusable_answer', () => peer.answerJson({ status: { authenticated: true } }, {}, 201)],
      ['unusable_answer', () => peer.answerJson({ kind: 'TokenReview', status: [] }, {}, 201)],
      ['unusable_answer', () => peer.answerJson({ status: { authenticated: true, user: { username: ACCOUNT } } })],
      ['unusable_answer', () => cluster.say({ authenticated: true })],
      ['unusable_answer', () => cluster.say({ authenticated: true, user })],
      ['unusable_answer', () => cluster.say({ authenticated: true, error: {}, user: { username: ACCOUNT } })],
      ['unusable_answer', () => cluster.say({ authenticated: true, user: [ACCOUNT] })],
      ['too_large', () => cluster.say({ authenticated: true, padding: 'x'.repeat(65_536) })],
    ];
    for (const [reason, answer] of cases) {
      answer();
      const from = latchkey.logs.length;
      const refusal = await login(identityId, pod());
      expect(refusal).toEqual(UNAVAILABLE);
      expect(refusal.headers.get('retry-after')).toBe('5');
      expect(latchkey.logs.slice(from).some((line) => line.includes(`api_server_${reason}`))).toBe(true);
    }
    cluster.answerAsItShould();
    expect((await login(identityId, pod())).status).toBe(200);
  }, 30_000);

  it('trusts the API server by the certificates that were given, by those of the system, or by word alone', async () => {
    const stranger = await attached({ caCert: new TestAuthority().cert });
    const system = await attached({ caCert: '' });
    const before = cluster.https.asked.length;
    for (const identityId of [stranger, system]) expect(await login(identityId, pod())).toEqual(UNAVAILABLE);
    expect(cluster.https.asked.length).toBe(before);
    const word = await attached({ caCert: '', verifyTlsCertificate: false });
    expect((await login(word, pod())).status).toBe(200);
    expect(latchkey.logs.some((line) => line.includes('kubernetes_auth.tls_not_verified'))).toBe(true);
  });
});
