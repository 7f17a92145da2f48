import type { Type } from '@nestjs/common';
import type { AccessTokenPolicyDto } from '../access-tokens/dto/access-token-policy.dto';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import type { AuthMethodName } from './auth-method-names';
import type { IdentityAuthMethod } from './identity-auth-method.entity';

/** Everything about an auth method that is not behaviour: its routes, documentation and refusals are made of this. */
export interface AuthMethodDefinition {
  readonly slug: AuthMethodName;
  /** As the documentation writes it: `Universal Auth`. */
  readonly title: string;
  /** As refusals write it: "add universal auth to identity". */
  readonly words: string;
  /** The key its configuration is answered under. */
  readonly envelope: string;
  /** What attaching and updating take; the rules of their bodies. */
  readonly input: { readonly attach: Type<AccessTokenPolicyDto>; readonly update: Type<AccessTokenPolicyDto> };
  /** What a configuration is answered as: the class of the whole answer, and what stands in it. */
  readonly answer: { readonly type: Type<object>; of(configuration: IdentityAuthMethod): object };
  /** The settings a method has of its own, with an input laid over those there are; left out by methods that have none. */
  readonly configure?: (input: object, present?: object) => object;
  /** Whether logins call the identity by a client id, and not by its own. */
  readonly hasClientId?: boolean;
  /** How the contract refuses what the state of an identity does not allow: it differs from method to method. */
  readonly refusals: {
    readonly alreadyConfigured: () => LatchkeyError;
    readonly missingOnUpdate: (identityId: string) => LatchkeyError;
    readonly missingOnGet: (identityId: string) => LatchkeyError;
    readonly missingOnRemove: () => LatchkeyError;
  };
}
