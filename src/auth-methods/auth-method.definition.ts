import type { Type } from '@nestjs/common';
import type { AccessTokenPolicyDto } from '../access-tokens/issuing/dto/access-token-policy.dto';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import type { AuthMethod, MethodSettings } from './auth-method';
import {
  AuthMethodAlreadyConfiguredError,
  AuthMethodNotConfiguredError,
  AuthMethodNotFoundError,
} from './auth-methods.errors';
import type { LoginDto } from './pipeline/dto/login.dto';
import type { IdentityAuthMethod } from '../database/entities/identity-auth-method.entity';

/** The refusals for states that do not allow a change. The contract words them differently for each method. */
export interface ConfigurationRefusals {
  readonly alreadyConfigured: () => LatchkeyError;
  readonly missingOnUpdate: (identityId: string) => LatchkeyError;
  readonly missingOnGet: (identityId: string) => LatchkeyError;
  readonly missingOnRemove: () => LatchkeyError;
}

/** The context in which a configuration is answered. */
export interface ShownConfiguration {
  readonly route: 'attach' | 'update' | 'get' | 'remove';
  /** The decrypted secrets. Return them only where the contract requires it. */
  readonly secrets: object;
}

/** Texts about a method for the API documentation, in addition to its routes. */
export interface AuthMethodDocs {
  /** A sentence about the method, which stands above its routes. */
  readonly description: string;
  /**
   * Where the ids in its paths come from, for ids that no other paths have: 'The id of a badge: `badge.id` of "Create a badge".'
   * @default {}
   */
  readonly pathIds?: Readonly<Record<string, string>>;
}

/** The data of an auth method: its routes, documentation and refusals are made from it. */
export interface AuthMethodDefinition {
  /** The name in paths, in tokens and in the database: `oidc-auth`. Lower case letters, digits and hyphens. */
  readonly slug: string;
  /** The name in the documentation: `Universal Auth`. */
  readonly title: string;
  /** The name in refusals: "add universal auth to identity". */
  readonly phrase: string;
  /**
   * Texts about the method for the API documentation.
   * @default nothing
   */
  readonly docs?: AuthMethodDocs;
  /** The key of the configuration in answers. */
  readonly responseKey: string;
  /** The classes of the bodies for attaching and updating, with their rules. */
  readonly input: { readonly attach: Type<AccessTokenPolicyDto>; readonly update: Type<AccessTokenPolicyDto> };
  /** The answer with a configuration: the class of the whole answer, and a function that fills it. */
  readonly answer: {
    readonly type: Type<object>;
    /**
     * The class of the answer to a removal, which shows no secrets.
     * @default type
     */
    readonly removed?: Type<object>;
    of(configuration: IdentityAuthMethod, shown: ShownConfiguration): object;
  };
  /**
   * Merges an input into the method's present settings; left out by methods without settings. It only computes:
   * `AuthMethod.prepare` can ask other services.
   */
  readonly configure?: (input: object, present?: MethodSettings) => MethodSettings;
  /** Whether logins name a client id instead of the identity's id. The method then finds its configuration itself. */
  readonly hasClientId?: boolean;
  /** Whether lockouts can be cleared: for methods whose credentials can be guessed. */
  readonly hasLockouts?: boolean;
  readonly refusals: ConfigurationRefusals;
}

/** The login of a method. */
export interface LoginDefinition {
  /** The class of the login body. */
  readonly input: Type<LoginDto>;
  /** The class that proves credentials: the behaviour of the method. */
  readonly method: Type<AuthMethod>;
  /** The refusals of the method, for the documentation. */
  readonly refusals: readonly LatchkeyError[];
  /**
   * The error for an identity that does not have the method.
   *
   * @default 404 in the words of the contract
   */
  readonly missing?: () => LatchkeyError;
}

/** The refusals that most methods have: `title` is `OIDC Auth`, `words` is `oidc auth`. */
export function usualRefusals(title: string, words: string): ConfigurationRefusals {
  return {
    alreadyConfigured: () =>
      new AuthMethodAlreadyConfiguredError(`Failed to add ${title} to already configured identity`),
    missingOnUpdate: () => new AuthMethodNotConfiguredError(`Failed to update ${title}`),
    missingOnGet: () => new AuthMethodNotFoundError(`The identity does not have ${title} attached`),
    missingOnRemove: () => new AuthMethodNotConfiguredError(`The identity does not have ${words}`),
  };
}

/** The same, with 404 wherever the method is missing (decision 26). */
export function refusalsWhereMissing(title: string, words: string): ConfigurationRefusals {
  const missing = () => new AuthMethodNotFoundError(`The identity does not have ${title} attached`);
  return {
    ...usualRefusals(title, words),
    missingOnUpdate: missing,
    missingOnGet: missing,
    missingOnRemove: missing,
  };
}
