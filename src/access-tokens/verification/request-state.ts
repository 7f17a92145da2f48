import { performance } from 'node:perf_hooks';
import type { VerifiedAccessToken } from './verified-access-token';

/** The caller of a request, or the promise of one. It is rejected for a token that is refused. */
export type Verification = VerifiedAccessToken | Promise<VerifiedAccessToken>;

/**
 * What is known about one request. However often a verifier is asked about the request, it reaches one verification and counts one use; a
 * verification holds for as long as the revocation bound.
 */
export class RequestState {
  /** The verifier that reached the verification: one does not rely on the verification of another application's. */
  private verifier: object | undefined;
  private verification: Verification | undefined;
  /** The moment of the decision, as `performance.now()` counts; Infinity until then. */
  private verifiedAt = 0;
  /** The token on which the verifier was asked. Undefined if the request has none. */
  private token: string | undefined;
  /** The id of the token that was found usable: the request is a use of it, and stays this one use. */
  private countedToken: string | undefined;
  /** The caller. Null: the request has no token, where that is allowed. Undefined: no guard has looked. */
  caller: VerifiedAccessToken | null | undefined;

  /** The verification that a verifier reached on this request less than the bound ago, or is about to reach. */
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

  /** @param moment when a verification that is no promise was reached. */
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

  /** Until then every caller of the verifier is given the same promise. */
  private keepResultOf(verification: Promise<VerifiedAccessToken>): void {
    this.verifiedAt = Infinity;
    const reached = (verified?: VerifiedAccessToken) => {
      if (this.verification === verification) this.keepResult(verified?.tokenId, performance.now());
    };
    verification.then(reached, () => reached());
  }
}

/** A class whose constructor returns its argument, so that a private field is added to a foreign object. */
const Itself = function (object: object) {
  return object;
} as unknown as new (object: object) => object;

/**
 * The state is kept in a private field of the object that stands for the call. The field is invisible from outside, is in no
 * copy and no heir of the object, and is collected with it. A WeakMap does the same at twenty times the cost: each entry needs
 * a hash of the object and work in every garbage collection, on every request. One field only: every added field changes the
 * request's hidden class and slows code that V8 has optimised for the original.
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

// An object that cannot be extended may one day refuse private fields as well.
const apart = new WeakMap<object, RequestState>();

function stateApart(object: object): RequestState {
  const state = apart.get(object) ?? new RequestState();
  apart.set(object, state);
  return state;
}

/** The state of a call, begun if there is none: of the request, or of what else stands for the call. */
export function stateOf(object: object): RequestState {
  return Stateful.stateOf(object);
}
