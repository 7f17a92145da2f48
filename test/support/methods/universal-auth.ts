import { randomUUID } from 'node:crypto';
import { UNIVERSAL_AUTH } from '../../../src/auth-methods/universal-auth/universal-auth.definition';
import type { Given } from '../given';
import type { Conformance, RefusedWorkload } from './conformance';
import { identityPathOf, type MethodFixture, noIdentity } from './method-fixture';

const SECRETS = `${identityPathOf(UNIVERSAL_AUTH)}/client-secrets`;
const ROTATE = 'POST /api/latchkey/v1/client-secrets/{clientSecretId}/rotate';

async function credentialsOf(identityId: string, given: Given, secret: object = {}): Promise<Credentials> {
  const { clientSecret } = await given.clientSecretFor(identityId, secret);
  return { clientId: await given.clientIdOf(identityId), clientSecret };
}

interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

const conformance: Conformance = {
  workload: () => ({ attach: {}, login: credentialsOf }),
  refused: () => {
    const changed = (change: (credentials: Credentials) => Partial<Credentials>): RefusedWorkload => ({
      attach: {},
      login: async (identityId, given) => {
        const credentials = await credentialsOf(identityId, given);
        return { ...credentials, ...change(credentials) };
      },
      status: 401,
      reason: 'credentials_invalid',
    });
    return {
      'a secret in capitals': changed(({ clientSecret }) => ({
        clientSecret: `A${clientSecret.toUpperCase().slice(1)}`,
      })),
      'a shorter secret': changed(({ clientSecret }) => ({ clientSecret: clientSecret.slice(1) })),
      'a longer secret': changed(({ clientSecret }) => ({ clientSecret: `${clientSecret}0` })),
      'a client that does not exist': changed(() => ({ clientId: randomUUID() })),
    };
  },
};

export const universalAuth: MethodFixture = {
  definition: UNIVERSAL_AUTH,
  attach: {},
  update: { accessTokenTTL: 60 },
  routes: [
    {
      operation: `POST ${SECRETS}`,
      permission: 'identity:create-token',
      body: () => ({}),
      attempt: 'create client secret for identity',
      notFound: noIdentity,
    },
    {
      operation: `GET ${SECRETS}`,
      permission: 'identity:get-token',
      attempt: 'list client secrets of identity',
      notFound: noIdentity,
    },
    {
      operation: `GET ${SECRETS}/{clientSecretId}`,
      permission: 'identity:get-token',
      attempt: 'get client secret of identity',
      notFound: noIdentity,
    },
    {
      operation: `POST ${SECRETS}/{clientSecretId}/revoke`,
      permission: 'identity:delete-token',
      attempt: 'revoke client secret of identity',
      notFound: noIdentity,
    },
    {
      operation: ROTATE,
      permission: 'identity:create-token',
      body: () => ({}),
      attempt: 'rotate client secret for identity',
      notFound: ({ clientSecretId }) => `Client secret with ID ${clientSecretId} not found`,
    },
  ],
  ids: ['clientSecretId'],
  makeIds: async (given, identityId) => {
    const { clientSecretId } = await given.clientSecretFor(identityId);
    return { clientSecretId };
  },
  lists: [`GET ${SECRETS}`],
  bodyless: [`POST ${SECRETS}/{clientSecretId}/revoke`],
  walk: [
    'Create a client secret',
    'List the client secrets of an identity',
    'Get a client secret',
    'Rotate a client secret',
    'Revoke a client secret',
    'Create a client secret',
  ],
  conformance,
};
