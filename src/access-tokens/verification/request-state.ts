import type { VerifiedAccessToken } from './verified-access-token';

/** What is known about a call. */
export class RequestState {
  /** Whose verdict it is: a verifier does not take the word of another application's. */
  judge: object | undefined;
  verdict: VerifiedAccessToken | Promise<VerifiedAccessToken> | undefined;
  /** When it was reached, as `performance.now()` counts; Infinity until then. */
  judgedAt = 0;
  /** The token that has been found good: the call is a use of it, and stays the one. */
  countedToken: string | undefined;
  /** Who is calling. Null: looked at, and nobody there. Undefined: nobody has looked. */
  caller: VerifiedAccessToken | null | undefined;
}

/** A class whose constructor hands back what it is given, so that a private field of ours is added to it. */
const Itself = function (object: object) {
  return object;
} as unknown as new (object: object) => object;

/**
 * The note is kept in the object that stands for the call, in a private field: invisible from outside, in no copy and no heir
 * of the object, and gone with it. That is what a WeakMap does too, at twenty times the price: each entry costs a hash of the
 * object and work in every garbage collection, on every request. One field for all there is to note: each is a step further
 * from the shape of object that the framework's code is compiled for.
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

// What cannot be extended may one day refuse private fields as well.
const apart = new WeakMap<object, RequestState>();

function noteApart(object: object): RequestState {
  const note = apart.get(object) ?? new RequestState();
  apart.set(object, note);
  return note;
}

/** The note about a call, begun if there is none: on the request, or what else stands for the call. */
export function stateOf(object: object): RequestState {
  return Noted.stateOf(object);
}
