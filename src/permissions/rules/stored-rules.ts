import { isObject } from '../../common/option-rules';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { type PackedRule, type Rule, unpacked } from './rule';

/**
 * The rules of a role, as they are stored. A rule that cannot be read is not skipped, because it may be a prohibition. Names are
 * not checked: a subject that is no longer known harms no other rule.
 *
 * @throws UnreadableValueError
 */
export function storedRules(value: unknown): Rule[] {
  if (!Array.isArray(value) || !value.every(isPacked)) throw new UnreadableValueError('the rules of a role');
  return unpacked(value);
}

/** `[actions, subject, conditions or 0, 0 or 1]`, without what is 0 at the end. Rules for single fields are not known here. */
function isPacked(value: unknown): value is PackedRule {
  if (!Array.isArray(value) || value.length > 4) return false;
  const [actions, subject, conditions = 0, inverted = 0] = value as unknown[];
  return isName(actions) && isName(subject) && areConditions(conditions) && [0, 1].includes(inverted as number);
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function areConditions(value: unknown): boolean {
  if (value === 0) return true;
  return isObject(value) && Object.values(value).every((one) => typeof one === 'string' || isComparison(one));
}

function isComparison(value: unknown): boolean {
  if (!isObject(value)) return false;
  return Object.entries(value).every(([operator, operand]) => {
    if (operator === '$in') return Array.isArray(operand) && operand.every((text) => typeof text === 'string');
    return ['$eq', '$ne', '$glob'].includes(operator) && typeof operand === 'string';
  });
}
