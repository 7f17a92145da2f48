import type { Type } from '@nestjs/common';

/** Makes of a value what a field looks at, however large or deep it is. */
export type Cut = (value: unknown) => unknown;

const cuts = new WeakMap<object, Map<string, Cut>>();

/** Says how much of a property is looked at. */
export function CutBy(cut: Cut): PropertyDecorator {
  return (prototype, name) => {
    const own = cuts.get(prototype) ?? new Map<string, Cut>();
    cuts.set(prototype, own.set(String(name), cut));
  };
}

/**
 * What of an input the fields of a class look at. Everything behind this takes a time that grows with the input, and walks
 * into its depth by recursion: what is unknown, too many or too deep must not get there. What is cut off would be dropped
 * or refused all the same.
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

/** For fields that hold no objects: of what sort the value is remains, for the refusal to name. */
export function emptied(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  return isObject(value) ? {} : value;
}

/** For a list: one item more than it may have, for the refusal to see. */
export function listCut(max: number, cutItem: Cut): Cut {
  return (value) => (Array.isArray(value) ? value.slice(0, max + 1).map(cutItem) : emptied(value));
}

/** For an object of a class, or of a few keys of any name. */
export function objectCut(cut: (value: object) => unknown): Cut {
  return (value) => (isObject(value) ? cut(value) : emptied(value));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}
