import { KUBERNETES_AUTH } from '../../../src/auth-methods/kubernetes-auth/kubernetes-auth.definition';
import { tokenNamed, TokenReviewPeer } from '../token-review-peer';
import type { MethodFixture } from './method-fixture';

const REVIEWER = tokenNamed('reviewer');
const AUDIENCE = 'latchkey';

let started: Promise<TokenReviewPeer> | undefined;

/** The API server of the examples. It keeps no process alive. */
async function cluster(): Promise<TokenReviewPeer> {
  started ??= TokenReviewPeer.start();
  const peer = await started;
  peer.https.unref();
  peer.reviewers.add(REVIEWER);
  return peer;
}

/** Where the API server of the examples is really to be found. */
const place = async () => {
  const { https } = await cluster();
  return { kubernetesHost: https.url, caCert: https.authority.cert.trim(), tokenReviewerJwt: REVIEWER };
};

export const kubernetesAuth: MethodFixture = {
  definition: KUBERNETES_AUTH,
  // An address, so that no name is looked up. Attaching a method sends no request.
  attach: { kubernetesHost: 'https://1.1.1.1', allowedNamespaces: 'payments', allowedNames: 'api' },
  update: { accessTokenTTL: 60 },
  routes: [],
  ids: [],
  makeIds: () => Promise.resolve({}),
  lists: [],
  bodyless: [],
  walk: [],
  bodies: {
    'Attach Kubernetes Auth to an identity': place,
    'Update Kubernetes Auth of an identity': place,
    'Log in with Kubernetes Auth': async (identityId) => {
      const peer = await cluster();
      return { identityId, jwt: peer.account('payments', 'api', [AUDIENCE]) };
    },
  },
  varies: ['kubernetesHost', 'caCert'],
  outages: ['api_server_timed_out'],
};
