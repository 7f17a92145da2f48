import { type Glob, globOf, isMatchedBy, plain } from './glob';
import type { Comparison, Conditions } from './rule';

/** A text that no rule names: only which patterns match it is given. */
export class UnnamedText {
  /** @param matching the patterns that match it, as they are written. */
  constructor(readonly matching: ReadonlySet<string>) {}
}

/** The value of a field; undefined if it is not known. */
export type FieldValue = string | UnnamedText | undefined;

type Test = (value: string | UnnamedText) => boolean;

interface FieldTest {
  readonly field: string;
  readonly test: Test;
}

/** The conditions of one rule, prepared for many questions. */
export class ConditionSet {
  /** The texts and patterns that are compared with each field. */
  readonly texts: readonly (readonly [field: string, text: string])[];
  readonly globs: readonly (readonly [field: string, pattern: string])[];
  private readonly tests: readonly FieldTest[];

  constructor(conditions: Conditions) {
    const entries = Object.entries(conditions).map(([field, one]) => [field, comparisonOf(one)] as const);
    this.tests = entries.flatMap(([field, one]) => testsOf(one).map((test) => ({ field, test })));
    this.texts = entries.flatMap(([field, one]) => textsIn(one).map((text) => [field, text] as const));
    this.globs = entries.flatMap(([field, { $glob }]) => ($glob === undefined ? [] : [[field, $glob] as const]));
  }

  /** Whether the conditions hold; undefined if that depends on a field whose value is not known. */
  match(valueOf: (field: string) => FieldValue): boolean | undefined {
    let isKnown = true;
    for (const one of this.tests) {
      const value = valueOf(one.field);
      if (value === undefined) isKnown = false;
      else if (!one.test(value)) return false;
    }
    return isKnown ? true : undefined;
  }
}

function comparisonOf(one: string | Comparison): Comparison {
  return typeof one === 'string' ? { $eq: one } : one;
}

function textsIn({ $eq, $ne, $in = [] }: Comparison): string[] {
  return [$eq, $ne, ...$in].filter((text) => text !== undefined);
}

function testsOf({ $eq, $ne, $in, $glob }: Comparison): Test[] {
  const tests: Test[] = [];
  if ($eq !== undefined) tests.push((value) => value === $eq);
  if ($ne !== undefined) tests.push((value) => value !== $ne);
  if ($in !== undefined) tests.push(isIn(new Set($in)));
  if ($glob !== undefined) tests.push(matchesGlob($glob, globOf($glob)));
  return tests;
}

function isIn(texts: ReadonlySet<unknown>): Test {
  return (value) => texts.has(value);
}

function matchesGlob(pattern: string, glob: Glob): Test {
  return (value) => (typeof value === 'string' ? isMatchedBy(plain(value), glob) : value.matching.has(pattern));
}
