import { AWS_AUTH } from '../../../src/auth-methods/aws-auth/aws-auth.definition';
import { type Signing, signedLogin, Sts, StsPeer } from '../sts-peer';
import type { Conformance, RefusedWorkload } from './conformance';
import type { MethodFixture } from './method-fixture';

const ACCOUNT = '123456789012';
const SECRET = 'the secret key of a workload';
const KEY = { id: 'ASIAEXAMPLE000000000', secret: SECRET, token: 'a token of a session' };
const callerOf = (arn: string, account = ACCOUNT) => ({ Account: account, Arn: arn, UserId: 'AROAEXAMPLE:i-0abc' });
const DEPLOYER = `arn:aws:sts::${ACCOUNT}:assumed-role/deployer/i-0abc`;

let started: Promise<StsPeer> | undefined;

/** The STS of the examples. It keeps no process alive. */
async function example(): Promise<StsPeer> {
  started ??= StsPeer.start();
  const peer = await started;
  peer.unref();
  peer.sts.know(KEY, callerOf(DEPLOYER));
  return peer;
}

const sts = new Sts();
let keys = 0;

/** A workload with a key of its own for each login: a key signs alike within a second. */
function signing(caller: ReturnType<typeof callerOf>, how: Signing = {}, guess?: string) {
  const login = (identityId: string) => {
    const id = `ASIA${String((keys += 1)).padStart(16, '0')}`;
    const secret = `${SECRET} ${id}`;
    sts.know({ id, secret }, caller);
    return { identityId, ...signedLogin({ id, secret: guess ?? secret }, how) };
  };
  return {
    attach: { allowedPrincipalArns: `arn:aws:iam::${ACCOUNT}:role/deployer`, allowedAccountIds: ACCOUNT },
    login,
  };
}

const conformance: Conformance = {
  upstream: {
    answer: (request, response) => void sts.serve(request, response),
    requests: 1,
    isKept: false,
    outage: 'sts_',
    options: (awsStsUrl) => ({ awsStsUrl }),
  },
  workload: () => signing(callerOf(DEPLOYER)),
  refused: () => {
    const from = (arn: string, reason: string, account?: string): RefusedWorkload => ({
      ...signing(callerOf(arn, account)),
      ...{ status: 401, reason },
    });
    const signed = (how: Signing, reason: string, status = 400): RefusedWorkload => ({
      ...signing(callerOf(DEPLOYER), how),
      ...{ status, reason },
    });
    const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);
    return {
      'a longer role': from(`${DEPLOYER.replace('deployer', 'deployers')}`, 'principal_arn_not_allowed'),
      'a role in capitals': from(`${DEPLOYER.replace('deployer', 'Deployer')}`, 'principal_arn_not_allowed'),
      'a user of the same name': from(`arn:aws:iam::${ACCOUNT}:user/deployer`, 'principal_arn_not_allowed'),
      'a role of GovCloud': from(DEPLOYER.replace('arn:aws', 'arn:aws-us-gov'), 'principal_arn_not_allowed'),
      'another account': from(DEPLOYER.replace(ACCOUNT, '123456789013'), 'account_id_not_allowed', '123456789013'),
      'the root of the account': from(`arn:aws:iam::${ACCOUNT}:root`, 'root_principal_not_supported'),
      'a federated user': from(`arn:aws:sts::${ACCOUNT}:federated-user/x`, 'principal_not_supported'),
      'another secret key': { ...signing(callerOf(DEPLOYER), {}, 'a guess'), status: 401, reason: 'sts_rejected' },
      'another action': signed({ body: 'Action=AssumeRole&Version=2011-06-15' }, 'invalid_signed_request'),
      'another host': signed({ headers: { host: 'sts.evil.example' } }, 'invalid_signed_request'),
      'another header': signed({ headers: { 'x-amz-target': 'x' } }, 'invalid_signed_request'),
      'a region that is a service': signed({ region: 's3' }, 'invalid_region'),
      'an old date': signed({ at: ago(303) }, 'request_expired', 401),
      'a date in the future': signed({ at: ago(-90) }, 'request_not_yet_valid', 401),
    };
  },
};

export const awsAuth: MethodFixture = {
  definition: AWS_AUTH,
  attach: { allowedAccountIds: ACCOUNT },
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
  options: async () => ({ awsStsUrl: (await example()).url }),
  outages: ['sts_timed_out'],
  conformance,
};
