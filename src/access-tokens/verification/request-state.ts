import { performance } from 'node:perf_hooks';
import type { VerifiedAccessToken } from './verified-access-token';

/** The caller of a request, or the promise of one. It is rejected for a token that is refused. */
export type Verdict = VerifiedAccessToken | Promise<VerifiedAccessToken>;

/**
 * What is known about one request. However often a verifier is asked about the request, it reaches one verdict and counts one use; a
 * verdict holds for as long as the revocation bound.
 */
export class RequestState {
  /** The verifier that reached the verdict: one does not rely on the verdict of another application's. */
  private verifier: object | undefined;
  private verdict: Verdict | undefined;
  /** The moment of the decision, as `performance.now()` counts; Infinity until then. */
  private judgedAt = 0;
  /** The token that was found usable: the request is a use of it, and stays this one use. */
  private countedToken: string | undefined;
  /** The caller. Null: the request has no token, where that is allowed. Undefined: no guard has looked. */
  caller: VerifiedAccessToken | null | undefined;

  /** The verdict that a verifier reached on this request less than the bound ago, or is about to reach. */
  currentVerdict(verifier: object, moment: number, boundMs: number): Verdict | undefined {
    return this.verifier === verifier && moment - this.judgedAt < boundMs ? this.verdict : undefined;
  }

  /** The token of which a verifier has counted this request as a use. */
  countedTokenOf(verifier: object): string | undefined {
    return this.verifier === verifier ? this.countedToken : undefined;
  }

  /** @param moment when a verdict that is no promise was reached. */
  keep(verifier: object, verdict: Verdict, moment: number): void {
    if (this.verifier !== verifier) this.countedToken = undefined;
    this.verifier = verifier;
    this.verdict = verdict;
    if (verdict instanceof Promise) this.keepWhenReached(verdict);
    else this.keepReached(verdict.tokenId, moment);
  }

  private keepReached(tokenId: string | undefined, moment: number): void {
    this.judgedAt = moment;
    this.countedToken = tokenId ?? this.countedToken;
  }

  /** Until then every caller of the verifier is given the same promise. */
  private keepWhenReached(verdict: Promise<VerifiedAccessToken>): void {
    this.judgedAt = Infinity;
    const reached = (verified?: VerifiedAccessToken) => {
      if (this.verdict === verdict) this.keepReached(verified?.tokenId, performance.now());
    };
    verdict.then(reached, () => reached());
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
