import type { LatchkeyOptions } from '../../../src';
import { awsAuth } from './aws-auth';
import { azureAuth } from './azure-auth';
import { gcpAuth } from './gcp-auth';
import { jwtAuth } from './jwt-auth';
import { kubernetesAuth } from './kubernetes-auth';
import type { MethodFixture } from './method-fixture';
import { oidcAuth } from './oidc-auth';
import { universalAuth } from './universal-auth';

/** Every method one can log in with. A method that is added is added here, and to no suite. */
export const METHODS: readonly MethodFixture[] = [
  universalAuth,
  jwtAuth,
  oidcAuth,
  kubernetesAuth,
  awsAuth,
  gcpAuth,
  azureAuth,
];

/** The ids that only routes of single methods take. */
export const OWN_IDS = METHODS.flatMap(({ ids }) => ids);

/** The options with which all of them reach the services of their examples. */
export async function optionsOfMethods(): Promise<Partial<LatchkeyOptions>> {
  const options = await Promise.all(METHODS.map(async (method) => method.options?.()));
  return Object.assign({}, ...options) as Partial<LatchkeyOptions>;
}
