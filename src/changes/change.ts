import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { RequestOrigin } from '../common/http/request-origin';

/** The caller of a management route, and where its request came from. */
export interface Actor extends RequestOrigin {
  readonly caller: VerifiedAccessToken;
}

/** The holder of a token. It proves that by presenting the token, or was given the token a moment ago. */
export interface TokenHolder extends RequestOrigin {
  readonly tokenId: string;
  readonly identityId: string;
  readonly organizationId: string;
}

/** A program that makes a change without a token: a host's code, an operator at the command line, or Latchkey itself. */
export type Program = 'host' | 'operator' | 'system';

/** Latchkey itself, which a request without a token told to set the instance up. */
export interface RequestedSystem extends RequestOrigin {
  readonly program: 'system';
}

/** The name that an act has in an audit log. The variable part is an auth method, such as `token-auth`. */
export type ChangeAction =
  | `${'create' | 'update' | 'delete'}-identity`
  | `${'create' | 'update' | 'delete'}-org-role`
  | `${'create' | 'update' | 'delete'}-project`
  | `${'create' | 'update' | 'delete'}-project-role`
  | `${'create' | 'update' | 'delete'}-identity-project-membership`
  | `${'add' | 'update' | 'revoke'}-identity-${string}`
  | `${'create' | 'update' | 'revoke' | 'rotate' | 'disable' | 'enable'}-token-identity-token-auth`
  | 'revoke-all-tokens-token-auth'
  | `${'create' | 'rotate' | 'revoke'}-identity-universal-auth-client-secret`
  | `clear-identity-${string}-lockouts`
  | `login-identity-${string}`
  | `${'renew' | 'revoke'}-identity-access-token`
  | `${'create' | 'update' | 'delete' | 'redeliver'}-audit-log-stream`
  | 'create-organization'
  | 'bootstrap-instance'
  | 'refuse-issued-before';

/** One object that a change is made to. */
export interface ChangeTarget {
  readonly type:
    | 'identity'
    | 'auth-method'
    | 'token'
    | 'client-secret'
    | 'role'
    | 'project'
    | 'project-membership'
    | 'project-role'
    | 'log-stream'
    | 'organization'
    | 'instance';
  readonly id: string;
  /** The identity that the target belongs to, or is. */
  readonly identityId?: string;
  /** The organization that the target belongs to, or is. Only the instance has none. */
  readonly organizationId?: string;
  /** Names and settings after the change, as an audit log shows them. Never a token, a secret, or a hash of one. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A change that is about to be made. */
export interface ChangeAttempt {
  readonly actor: Actor | TokenHolder | RequestedSystem | Program;
  readonly action: ChangeAction;
}

/** A change that has been made, and is about to be committed. */
export interface Change extends ChangeAttempt {
  /** At least one. The first is the one that the action names; the others were changed together with it. */
  readonly targets: readonly ChangeTarget[];
}
