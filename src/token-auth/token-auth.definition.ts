import type { AuthMethodDefinition } from '../auth-methods/auth-method.definition';
import {
  AuthMethodAlreadyConfiguredError,
  AuthMethodNotConfiguredError,
  AuthMethodNotFoundError,
} from '../auth-methods/auth-methods.errors';
import { AttachTokenAuthDto, TokenAuthAnswerDto, TokenAuthDto, UpdateTokenAuthDto } from './dto/token-auth.dtos';

/** The policy of tokens that are issued by hand for an identity. There is no login with this method. */
export const TOKEN_AUTH: AuthMethodDefinition = {
  slug: 'token-auth',
  title: 'Token Auth',
  phrase: 'token auth',
  responseKey: 'identityTokenAuth',
  input: { attach: AttachTokenAuthDto, update: UpdateTokenAuthDto },
  answer: { type: TokenAuthAnswerDto, of: (configuration) => TokenAuthDto.of(configuration) },
  refusals: {
    alreadyConfigured: () =>
      new AuthMethodAlreadyConfiguredError('Failed to add Token Auth to already configured identity'),
    missingOnUpdate: () => new AuthMethodNotConfiguredError('The identity does not have token auth'),
    missingOnGet: () => new AuthMethodNotFoundError('Token Auth configuration not found for identity'),
    missingOnRemove: () => new AuthMethodNotConfiguredError('The identity does not have Token Auth'),
  },
};
