import { performance } from 'node:perf_hooks';
import type { VerifiedAccessToken } from './verified-access-token';

/** The result of a verification: the caller, or a promise of it. The promise is rejected if the token is refused. */
export type Verification = VerifiedAccessToken | Promise<VerifiedAccessToken>;

/**
 * The state of one request. However often a verifier is asked about the request, it verifies the token once and counts one use. The
 * result holds for as long as the revocation bound.
 */
export class RequestState {
  /** The verifier that made the verification. A verifier does not rely on a result of another application's verifier. */
  private verifier: object | undefined;
  private verification: Verification | undefined;
  /** The moment of the result, as `performance.now()` counts; Infinity until there is one. */
  private verifiedAt = 0;
  /** The token on which the verifier was asked. Undefined if the request has none. */
  private token: string | undefined;
  /** The id of the token that was found usable: the request is a use of it, and stays this one use. */
  private countedToken: string | undefined;
  /** The caller. Null: the request has no token, where that is allowed. Undefined: no guard has looked. */
  caller: VerifiedAccessToken | null | undefined;

  /** The verification that this verifier made less than the bound ago, or has begun. */
  currentVerification(verifier: object, moment: number, boundMs: number): Verification | undefined {
    return this.verifier === verifier && moment - this.verifiedAt < boundMs ? this.verification : undefined;
  }

  /** The token that a verifier has verified for this request. */
  tokenOf(verifier: object): string | undefined {
    return this.verifier === verifier ? this.token : undefined;
  }

  /** The id of the token of which a verifier has counted this request as a use. */
  countedTokenOf(verifier: object): string | undefined {
    return this.verifier === verifier ? this.countedToken : undefined;
  }

  /** @param moment the moment of the result, if it is not a promise. */
  keep(verifier: object, token: string | undefined, verification: Verification, moment: number): void {
    if (this.verifier !== verifier) this.countedToken = undefined;
    this.verifier = verifier;
    this.token = token;
    this.verification = verification;
    if (verification instanceof Promise) this.keepResultOf(verification);
    else this.keepResult(verification.tokenId, moment);
  }

  private keepResult(tokenId: string | undefined, moment: number): void {
    this.verifiedAt = moment;
    this.countedToken = tokenId ?? this.countedToken;
  }

  /** Until there is a result, every caller of the verifier gets the same promise. */
  private keepResultOf(verification: Promise<VerifiedAccessToken>): void {
    this.verifiedAt = Infinity;
    const reached = (verified?: VerifiedAccessToken) => {
      if (this.verification === verification) this.keepResult(verified?.tokenId, performance.now());
    };
    verification.then(reached, () => reached());
  }
}

/** A class whose constructor returns its argument. A class that extends it adds its private field to that object. */
const Itself = function (object: object) {
  return object;
} as unknown as new (object: object) => object;

/**
 * Keeps the state in a private field of the object that stands for the call. Other code cannot see the field, copies and
 * objects that inherit from the request do not have it, and it is garbage-collected with the request. A WeakMap does the same
 * at twenty times the cost: each entry needs a hash of the object, and work in every garbage collection. There is one field
 * only, because every added field changes the request's hidden class and slows code that V8 has optimised for the original.
 */
class Stateful extends Itself {
  #state = new RequestState();

  static stateOf(object: object): RequestState {
    return #state in object ? object.#state : Stateful.begin(object);
  }

  private static begin(object: object): RequestState {
    return Object.isExtensible(object) ? new Stateful(object).#state : stateApart(object);
  }
}

// For objects that cannot be extended: future JavaScript engines may refuse private fields on them.
const apart = new WeakMap<object, RequestState>();

function stateApart(object: object): RequestState {
  const state = apart.get(object) ?? new RequestState();
  apart.set(object, state);
  return state;
}

/** The state of a call, made at the first question. The object is the request, or whatever else stands for the call. */
export function stateOf(object: object): RequestState {
  return Stateful.stateOf(object);
}
