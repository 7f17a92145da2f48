import { setTimeout as pause } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { type Answer, refused } from '../support/api-client';
import { done } from '../support/given';
import { startLatchkey, type TestLatchkey } from '../support/latchkey';
import { Cluster } from './cluster';

let cluster: Cluster;
let latchkey: TestLatchkey;
let reviewer: string;

beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.namespace('payments');
  for (const name of ['reviewer', 'api', 'worker', 'self', 'doomed']) await cluster.account('payments', name);
  await cluster.letReview('payments', 'reviewer');
  await cluster.letReview('payments', 'self');
  reviewer = await cluster.token('payments', 'reviewer');
  latchkey = await startLatchkey({ outboundAllow: ['127.0.0.0/8'] });
}, 180_000);
afterAll(async () => {
  await latchkey?.stop();
  await cluster?.stop();
});

async function attached(body: object = {}): Promise<string> {
  const identityId = await latchkey.given.identity();
  const whole = {
    ...{ kubernetesHost: cluster.url, caCert: cluster.authority.cert, tokenReviewerJwt: reviewer },
    ...{ allowedNamespaces: 'payments', allowedNames: '', ...body },
  };
  done(await latchkey.admin.post(`/api/v1/auth/kubernetes-auth/identities/${identityId}`, whole));
  return identityId;
}

const login = (identityId: string, jwt: string): Promise<Answer> =>
  latchkey.anonymous.post('/api/v1/auth/kubernetes-auth/login', { identityId, jwt });
const api = (...audiences: string[]) =>
  cluster.token('payments', 'api', audiences.length === 0 ? undefined : audiences);
const reviewError = (text: string) =>
  refused(401, 'KubernetesTokenReviewError', expect.stringContaining(text) as string);

describe('a real kube-apiserver', () => {
  it('lets a service account in, for the audience that is asked for and for no other', async () => {
    const identityId = await attached({ allowedAudience: 'latchkey' });
    const answer = await login(identityId, await api('latchkey', 'other'));
    const { identityAuth } = decodeJwt(done(answer).accessToken as string);
    expect(identityAuth).toEqual({ kubernetes: { namespace: 'payments', name: 'api' } });
    expect(await login(identityId, await api('other'))).toEqual(reviewError('target audiences'));
    expect(await login(identityId, await api())).toEqual(reviewError('target audiences'));
  });

  it('takes its own audience where none is asked for', async () => {
    const identityId = await attached();
    expect((await login(identityId, await api())).status).toBe(200);
    expect(await login(identityId, await api('latchkey'))).toEqual(reviewError('target audiences'));
  });

  it('knows no token that it has not signed', async () => {
    const [head, payload] = (await api()).split('.');
    expect(await login(await attached(), `${head}.${payload}.AAAA`)).toEqual(reviewError('invalid bearer token'));
  });

  it('is asked by reviewers that may: 401 says what is wrong with the others', async () => {
    const error = (name: string) => refused(401, name, expect.any(String) as string);
    const idle = await attached({ tokenReviewerJwt: await cluster.token('payments', 'worker') });
    expect(await login(idle, await api())).toEqual(error('KubernetesTokenReviewerForbidden'));
    const wrong = await attached({ tokenReviewerJwt: 'not-a-token' });
    expect(await login(wrong, await api())).toEqual(error('KubernetesTokenReviewerUnauthorized'));
    const none = await attached({ tokenReviewerJwt: null });
    expect((await login(none, await cluster.token('payments', 'self'))).status).toBe(200);
    expect(await login(none, await api())).toEqual(error('KubernetesTokenReviewerForbidden'));
  });

  it('lets in the names that are listed', async () => {
    const identityId = await attached({ allowedNames: 'worker*' });
    expect((await login(identityId, await cluster.token('payments', 'worker'))).status).toBe(200);
    expect(await login(identityId, await api())).toEqual(
      refused(401, 'UnauthorizedError', 'Access denied: K8s name not allowed.'),
    );
  });

  it('lets a deleted service account in no more, once it has noticed itself', async () => {
    const identityId = await attached();
    const jwt = await cluster.token('payments', 'doomed');
    expect((await login(identityId, jwt)).status).toBe(200);
    await cluster.ask('DELETE', '/api/v1/namespaces/payments/serviceaccounts/doomed');
    let answer = await login(identityId, jwt);
    for (
      const end = Date.now() + 40_000;
      answer.status === 200 && Date.now() < end;
      answer = await login(identityId, jwt)
    ) {
      await pause(1_000);
    }
    expect(answer).toEqual(reviewError('not found'));
  }, 60_000);

  it('that is down is 503', async () => {
    const identityId = await attached();
    const jwt = await api();
    await cluster.stop();
    expect((await login(identityId, jwt)).status).toBe(503);
  });
});
