import type { RequestOrigin } from '../common/http/request-origin';
import type { Actor, TokenHolder } from './change';

interface Timed {
  /** When it happened, by the clock of the database. */
  readonly at: Date;
}

interface Unsuccessful extends Timed {
  /** Failed: the node or the database is to blame. Refused: the request is. */
  readonly outcome: 'refused' | 'failed';
  /** The code of the error, such as `permission_denied`. */
  readonly reason: string;
}

/** A request with a genuine token to a route of Latchkey. */
interface ObservedRequest {
  readonly type: 'request';
  /** The caller; where the token was refused, the holder of that token. */
  readonly actor: Actor | TokenHolder;
  /** The name of the operation in the API document, such as `IdentitiesController_update`. */
  readonly operation: string;
  /** The name that the audit log has for it; undefined for an operation that it does not show. */
  readonly event: string | undefined;
  /** The ids in the path, as the client wrote them. */
  readonly ids: Readonly<Record<string, string>>;
}

/** A request that was refused or failed. */
export interface UnsuccessfulRequest extends ObservedRequest, Unsuccessful {}

/** A read of management data. */
export interface Read extends ObservedRequest, Timed {
  readonly outcome: 'success';
  readonly reason?: undefined;
}

/** A login that got no token. */
export interface UnsuccessfulLogin extends Unsuccessful, RequestOrigin {
  readonly type: 'login';
  /** The slug of the auth method. */
  readonly method: string;
  /** Undefined where the credentials name no auth method that exists. */
  readonly authMethodId: string | undefined;
  readonly identityId: string | undefined;
}

/** A wrong guess that locked the name that was guessed. The login itself is an observation too. */
export interface Lockout extends Unsuccessful, RequestOrigin {
  readonly type: 'lockout';
  /** The slug of the auth method. */
  readonly method: string;
  readonly authMethodId: string;
}

/** An act that changed nothing. */
export type Observation = Read | UnsuccessfulRequest | UnsuccessfulLogin | Lockout;
