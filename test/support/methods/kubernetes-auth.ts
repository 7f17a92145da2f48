import { KUBERNETES_AUTH } from '../../../src/auth-methods/kubernetes-auth/kubernetes-auth.definition';
import { tokenNamed, TokenReviewPeer, TokenReviews } from '../token-review-peer';
import type { Conformance, Place, RefusedWorkload, Workload } from './conformance';
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

const reviews = new TokenReviews();
reviews.reviewers.add(REVIEWER);

const conformance: Conformance = {
  upstream: {
    answer: (request, response) => void reviews.serve(request, response),
    requests: 1,
    isKept: false,
    outage: 'api_server_',
  },
  workload: (place) => podIn(place, reviews.account('payments', 'api', [AUDIENCE])),
  refused: (place) => {
    const refused = (jwt: string, reason: string, status = 401): RefusedWorkload => ({
      ...podIn(place, jwt),
      status,
      reason,
    });
    const of = (namespace: string) => reviews.account(namespace, 'api', [AUDIENCE]);
    const inNamespace = (name: string) => refused(of(name), 'namespace_not_allowed');
    // No namespace of Kubernetes has such a name.
    const impossible = (name: string) => refused(of(name), 'no_service_account', 400);
    return {
      'a shorter namespace': inNamespace('payment'),
      'a longer namespace': inNamespace('paymentss'),
      'a namespace in capitals': impossible('Payments'),
      'the whole list for a namespace': impossible('payments, stage-{a,b}'),
      'another name': refused(reviews.account('payments', 'apis', [AUDIENCE]), 'name_not_allowed'),
      'another audience': refused(reviews.account('payments', 'api', ['latchkeys']), 'token_review_error'),
      'a user': refused(reviews.user('admin', [AUDIENCE]), 'no_service_account', 400),
      'a token that the cluster does not know': refused(tokenNamed('unknown'), 'token_review_error'),
      'a text that is no token': refused('x', 'token_not_authenticated'),
    };
  },
};

function podIn({ url, ca }: Place, jwt: string): Workload {
  return {
    attach: {
      kubernetesHost: url,
      caCert: ca,
      tokenReviewerJwt: REVIEWER,
      allowedNamespaces: 'payments, stage-{a,b}',
      allowedNames: 'api',
      allowedAudience: AUDIENCE,
    },
    login: (identityId) => ({ identityId, jwt }),
  };
}

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
  conformance,
};
