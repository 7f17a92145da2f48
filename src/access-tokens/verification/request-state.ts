import type { VerifiedAccessToken } from './verified-access-token';

/** The state of a call. */
export class RequestState {
  /** The verifier that made the decision: a verifier does not accept the decision of another application's verifier. */
  judge: object | undefined;
  verdict: VerifiedAccessToken | Promise<VerifiedAccessToken> | undefined;
  /** The moment of the decision, as `performance.now()` counts; Infinity until then. */
  judgedAt = 0;
  /** The token that was accepted: the call counts as one use of it, and stays that use. */
  countedToken: string | undefined;
  /** The caller. Null: the call was checked and has no caller. Undefined: the call was not checked yet. */
  caller: VerifiedAccessToken | null | undefined;
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
class Noted extends Itself {
  #note = new RequestState();

  static stateOf(object: object): RequestState {
    return #note in object ? object.#note : Noted.begin(object);
  }

  private static begin(object: object): RequestState {
    return Object.isExtensible(object) ? new Noted(object).#note : noteApart(object);
  }
}

// An object that cannot be extended may one day refuse private fields as well.
const apart = new WeakMap<object, RequestState>();

function noteApart(object: object): RequestState {
  const note = apart.get(object) ?? new RequestState();
  apart.set(object, note);
  return note;
}

/** The state of a call, created on first use: on the request, or on the object that stands for the call. */
export function stateOf(object: object): RequestState {
  return Noted.stateOf(object);
}
