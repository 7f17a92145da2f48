import { AWS_AUTH } from '../../../src/auth-methods/aws-auth/aws-auth.definition';
import { signedLogin, StsPeer } from '../sts-peer';
import type { MethodFixture } from './method-fixture';

const KEY = { id: 'ASIAEXAMPLE000000000', secret: 'a secret of the examples', token: 'a token of a session' };
const CALLER = {
  Account: '123456789012',
  Arn: 'arn:aws:sts::123456789012:assumed-role/deployer/i-0123456789abcdef0',
  UserId: 'AROAEXAMPLE000000000:i-0123456789abcdef0',
};

let started: Promise<StsPeer> | undefined;

/** The STS of the examples. It keeps no process alive. */
async function sts(): Promise<StsPeer> {
  started ??= StsPeer.start();
  const peer = await started;
  peer.unref();
  peer.know(KEY, CALLER);
  return peer;
}

export const awsAuth: MethodFixture = {
  definition: AWS_AUTH,
  attach: { allowedAccountIds: '123456789012' },
  update: { accessTokenTTL: 60 },
  routes: [],
  ids: [],
  makeIds: () => Promise.resolve({}),
  lists: [],
  bodyless: [],
  walk: [],
  bodies: {
    'Log in with AWS Auth': (identityId) => ({ identityId, ...signedLogin(KEY) }),
  },
  options: async () => ({ awsStsUrl: (await sts()).url }),
  outages: ['sts_timed_out'],
};
