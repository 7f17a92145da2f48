import type { Type } from '@nestjs/common';

/** Reduces a value, however large or deep, to the part that a field looks at. */
export type Cut = (value: unknown) => unknown;

const cuts = new WeakMap<object, Map<string, Cut>>();

/** Sets how much of a property is looked at. */
export function CutBy(cut: Cut): PropertyDecorator {
  return (prototype, name) => {
    const own = cuts.get(prototype) ?? new Map<string, Cut>();
    cuts.set(prototype, own.set(String(name), cut));
  };
}

/**
 * Reduces an input to the part that the fields of a class look at. Later steps take time that grows with the input, and recurse
 * into its depth, so unknown, surplus and too deep parts must not reach them. Those steps would drop or refuse these parts
 * anyway.
 */
export function cutTo(type: Type, input: object): object {
  const cut: Record<string, unknown> = {};
  for (let prototype: object | null = type.prototype as object; prototype; prototype = prototypeOf(prototype)) {
    for (const [name, cutOf] of cuts.get(prototype) ?? []) {
      if (Object.hasOwn(input, name)) cut[name] = cutOf((input as Record<string, unknown>)[name]);
    }
  }
  return cut;
}

/** For fields that hold no objects: keeps the type of the value, which the refusal names. */
export function emptied(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  return isObject(value) ? {} : value;
}

/** For a list: one item more than allowed, so that the refusal sees it. */
export function listCut(max: number, cutItem: Cut): Cut {
  return (value) => (Array.isArray(value) ? value.slice(0, max + 1).map(cutItem) : emptied(value));
}

/** For an object of a class, or with a few keys of any name. */
export function objectCut(cut: (value: object) => unknown): Cut {
  return (value) => (isObject(value) ? cut(value) : emptied(value));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}
