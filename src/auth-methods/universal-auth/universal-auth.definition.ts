import type { AuthMethodDefinition } from '../auth-method.definition';
import {
  AuthMethodAlreadyConfiguredError,
  AuthMethodNotConfiguredError,
  AuthMethodNotFoundError,
} from '../auth-methods.errors';
import {
  AttachUniversalAuthDto,
  UniversalAuthAnswerDto,
  UniversalAuthDto,
  UpdateUniversalAuthDto,
} from './dto/universal-auth.dtos';
import { configOf, mergeConfig } from './universal-auth.config';

const notFound = (identityId: string) =>
  new AuthMethodNotFoundError(`Failed to find universal auth for identity with ID ${identityId}`);

/** A client id and a client secret for an access token (contract 1.3). */
export const UNIVERSAL_AUTH: AuthMethodDefinition = {
  slug: 'universal-auth',
  title: 'Universal Auth',
  phrase: 'universal auth',
  docs: {
    description: 'Programs log in with a client id and a client secret, and get tokens that expire soon.',
    pathIds: { clientSecretId: 'The id of a client secret: `clientSecretData.id` of "Create a client secret".' },
  },
  responseKey: 'identityUniversalAuth',
  input: { attach: AttachUniversalAuthDto, update: UpdateUniversalAuthDto },
  answer: { type: UniversalAuthAnswerDto, of: UniversalAuthDto.of },
  configure: (input, present) => ({ config: mergeConfig(input, present && configOf(present)) }),
  hasClientId: true,
  hasLockouts: true,
  refusals: {
    alreadyConfigured: () =>
      new AuthMethodAlreadyConfiguredError('Failed to add universal auth to already configured identity'),
    missingOnUpdate: notFound,
    missingOnGet: notFound,
    missingOnRemove: () => new AuthMethodNotConfiguredError('The identity does not have universal auth'),
  },
};
