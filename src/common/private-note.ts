/** Makes a class whose constructor hands back what it is given, so that a private field of ours is added to it. */
const Itself = function (object: object) {
  return object;
} as unknown as new (object: object) => object;

/** A note about objects that are not ours, as a WeakMap would hold it. */
export interface PrivateNote<Value> {
  get(object: object): Value | undefined;
  set(object: object, value: Value): void;
}

/**
 * Notes that are kept in the objects themselves, in a private field: invisible from outside, in no copy and no heir of the
 * object, and gone with it. That is what a WeakMap does too, at twenty times the price: each entry costs a hash of the object
 * and work in every garbage collection, on every request.
 */
export function privateNote<Value>(): PrivateNote<Value> {
  // What cannot be extended may one day refuse private fields as well.
  const apart = new WeakMap<object, Value>();
  class Noted extends Itself {
    #value: Value;

    private constructor(object: object, value: Value) {
      super(object);
      this.#value = value;
    }

    static get(object: object): Value | undefined {
      return #value in object ? object.#value : Object.isExtensible(object) ? undefined : apart.get(object);
    }

    static set(object: object, value: Value): void {
      if (#value in object) object.#value = value;
      else if (Object.isExtensible(object)) new Noted(object, value);
      else apart.set(object, value);
    }
  }
  return Noted;
}
