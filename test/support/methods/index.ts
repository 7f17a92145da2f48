import { jwtAuth } from './jwt-auth';
import { kubernetesAuth } from './kubernetes-auth';
import type { MethodFixture } from './method-fixture';
import { oidcAuth } from './oidc-auth';
import { universalAuth } from './universal-auth';

/** Every method one can log in with. A method that is added is added here, and to no suite. */
export const METHODS: readonly MethodFixture[] = [universalAuth, jwtAuth, oidcAuth, kubernetesAuth];

/** The ids that only routes of single methods take. */
export const OWN_IDS = METHODS.flatMap(({ ids }) => ids);
