import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { emptied, listCut, objectCut } from '../../../common/dto/cut';
import {
  field,
  type FieldOptions,
  isArray,
  isStorable,
  isWellFormed,
  ofType,
  type Rule,
} from '../../../common/dto/rules';

interface Bounds {
  /** Entries at most. */
  readonly max: number;
  /** Characters of each at most. */
  readonly maxLength: number;
}

function isText(value: unknown, maxLength: number): boolean {
  return typeof value === 'string' && value.length <= maxLength && isStorable.holds(value) && isWellFormed(value);
}

function atMost(max: number, sizeOf: (value: object) => number): Rule {
  const message = () => `Must have at most ${max} entries`;
  return { name: 'maximum', code: 'too_big', holds: (value) => sizeOf(value as object) <= max, message };
}

/** A list of texts. */
export function Texts({ max, maxLength, ...options }: FieldOptions & Bounds): PropertyDecorator {
  const texts: Rule = {
    name: 'texts',
    code: 'invalid_type',
    holds: (value) => (value as unknown[]).every((text) => isText(text, maxLength)),
    message: () => `Expected text of at most ${maxLength} characters`,
    place: (value) => [(value as unknown[]).findIndex((text) => !isText(text, maxLength))],
  };
  const rules = [isArray, atMost(max, (value) => (value as unknown[]).length), texts];
  const api = { type: 'array', items: { type: 'string' }, maxItems: max } as const;
  return field(rules, options, api, listCut(max, emptied));
}

/** Texts by names of any kind. */
export function TextsByName({ max, maxLength, ...options }: FieldOptions & Bounds): PropertyDecorator {
  const isObject = ofType('object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  const texts: Rule = {
    name: 'texts',
    code: 'invalid_type',
    holds: (value) =>
      Object.entries(value as object)
        .flat()
        .every((text) => isText(text, maxLength)),
    message: () => `Expected texts of at most ${maxLength} characters`,
  };
  const rules = [isObject, atMost(max, (value) => Object.keys(value).length), texts];
  const cut = objectCut((value) => {
    const entries = Object.entries(value).slice(0, max + 1);
    return new Pairs(entries.map(([name, one]) => [name, emptied(one)] as const));
  });
  const api = { type: 'object', additionalProperties: { type: 'string' } } as const;
  return applyDecorators(field(rules, options, api, cut), Unpaired());
}

/**
 * An object on its way through validation. Nest and class-transformer leave out names that JavaScript knows, such as `constructor`:
 * what is bound by one would be bound no more.
 */
class Pairs {
  constructor(readonly pairs: readonly (readonly [string, unknown])[]) {}
}

function Unpaired(): PropertyDecorator {
  return Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => {
    const value = obj[key];
    return value instanceof Pairs ? Object.fromEntries(value.pairs) : value;
  });
}
