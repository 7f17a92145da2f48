import { isDeepStrictEqual } from 'node:util';
import type { Rule } from './rule';

/**
 * The rights that come back to holders when rules are replaced: whatever a prohibition that is gone kept from them, because a rule
 * of another role may allow it.
 */
export function revivedBy(before: readonly Rule[], after: readonly Rule[]): Rule[] {
  const isKept = (rule: Rule) => after.some((one) => isDeepStrictEqual(one, rule));
  return before.filter((rule) => rule.inverted && !isKept(rule)).map((rule) => ({ ...rule, inverted: false }));
}
