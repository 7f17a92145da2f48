import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { RequestOrigin } from '../common/http/request-origin';

/** The caller of a management route, and where the request came from. */
export interface Actor extends RequestOrigin {
  readonly caller: VerifiedAccessToken;
}

/** The holder of a token, who proves it by presenting the token itself. */
export interface TokenHolder extends RequestOrigin {
  readonly tokenId: string;
  readonly identityId: string;
  readonly organizationId: string;
}

/** A change made by the code of a host, from the command line, or by Latchkey as it is set up. */
export type Program = 'host' | 'operator' | 'system';

/** What can be done, by the name it has in an audit log. `*` is an auth method, such as `token-auth`. */
export type ChangeAction =
  | `${'create' | 'update' | 'delete'}-identity`
  | `${'add' | 'update' | 'revoke'}-identity-${string}`
  | `${'create' | 'update' | 'revoke' | 'rotate' | 'disable' | 'enable'}-token-identity-token-auth`
  | 'revoke-all-tokens-token-auth'
  | `${'create' | 'revoke'}-identity-universal-auth-client-secret`
  | `clear-identity-${string}-lockouts`
  | `${'renew' | 'revoke'}-identity-access-token`
  | 'create-organization'
  | 'bootstrap-instance'
  | 'refuse-issued-before';

/** What a change is made to. */
export interface ChangeTarget {
  readonly type: 'identity' | 'auth-method' | 'token' | 'client-secret' | 'organization' | 'instance';
  readonly id: string;
  /** The identity it belongs to, or is. */
  readonly identityId?: string;
  /** Undefined where it belongs to none, or the change did not need to know. */
  readonly organizationId?: string;
}

/** A change that is about to be made. */
export interface ChangeAttempt {
  readonly actor: Actor | TokenHolder | Program;
  readonly action: ChangeAction;
}

/** A change that has been made, and is about to be committed. */
export interface Change extends ChangeAttempt {
  readonly target: ChangeTarget;
}
