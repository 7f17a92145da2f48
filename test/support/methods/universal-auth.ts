import { UNIVERSAL_AUTH } from '../../../src/auth-methods/universal-auth/universal-auth.definition';
import { identityPathOf, type MethodFixture, noIdentity } from './method-fixture';

const SECRETS = `${identityPathOf(UNIVERSAL_AUTH)}/client-secrets`;

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
    'Revoke a client secret',
    'Create a client secret',
  ],
};
