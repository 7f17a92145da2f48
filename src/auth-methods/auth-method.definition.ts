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

/** How the contract refuses what the state of an identity does not allow: it differs from method to method. */
export interface ConfigurationRefusals {
  readonly alreadyConfigured: () => LatchkeyError;
  readonly missingOnUpdate: (identityId: string) => LatchkeyError;
  readonly missingOnGet: (identityId: string) => LatchkeyError;
  readonly missingOnRemove: () => LatchkeyError;
}

/** What a configuration is answered to. */
export interface ShownConfiguration {
  readonly route: 'attach' | 'update' | 'get' | 'remove';
  /** Its secrets, decrypted. Show them only where the contract does. */
  readonly secrets: object;
}

/** What the API documentation says of a method beyond its routes. */
export interface AuthMethodDocs {
  /** A sentence about the method, which stands above its routes. */
  readonly description: string;
  /**
   * For ids that only its paths have, where they come from: 'The id of a badge: `badge.id` of "Create a badge".'
   * @default {}
   */
  readonly pathIds?: Readonly<Record<string, string>>;
}

/** Everything about an auth method that is not behaviour: its routes, documentation and refusals are made of this. */
export interface AuthMethodDefinition {
  /** Names it in paths, in tokens and in the database: `oidc-auth`. */
  readonly slug: string;
  /** As the documentation writes it: `Universal Auth`. */
  readonly title: string;
  /** As refusals write it: "add universal auth to identity". */
  readonly phrase: string;
  /**
   * What the API documentation says of it.
   * @default nothing
   */
  readonly docs?: AuthMethodDocs;
  /** The key its configuration is answered under. */
  readonly responseKey: string;
  /** What attaching and updating take; the rules of their bodies. */
  readonly input: { readonly attach: Type<AccessTokenPolicyDto>; readonly update: Type<AccessTokenPolicyDto> };
  /** What a configuration is answered as: the class of the whole answer, and what stands in it. */
  readonly answer: {
    readonly type: Type<object>;
    of(configuration: IdentityAuthMethod, shown: ShownConfiguration): object;
  };
  /**
   * The settings a method has of its own, with an input laid over those there are; left out by methods that have none. It only
   * computes: `AuthMethod.prepare` is where others are asked.
   */
  readonly configure?: (input: object, present?: MethodSettings) => MethodSettings;
  /** Whether logins call the identity by a client id, and not by its own. The method then finds its configuration itself. */
  readonly hasClientId?: boolean;
  /** Whether lock-outs can be cleared: for methods whose credentials can be guessed. */
  readonly hasLockouts?: boolean;
  readonly refusals: ConfigurationRefusals;
}

/** How one logs in with a method. */
export interface LoginDefinition {
  /** What somebody who logs in sends. */
  readonly input: Type<LoginDto>;
  /** What proves it: the behaviour of the method. */
  readonly method: Type<AuthMethod>;
  /** How the method refuses, for the documentation. */
  readonly refusals: readonly LatchkeyError[];
  /**
   * What is said of an identity that does not have the method.
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
