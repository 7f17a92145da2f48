import type { PreparedRule } from '../permissions/rules/rule-set';
import type { Comparison, Conditions } from '../permissions/rules/rule';
import type { Condition } from './project-membership.reads';

/**
 * The identities about which rules allow something, as a condition that the database checks: a list is whole, and no page is
 * shorter than it need be.
 *
 * @param rules about one action on identities, the last first. Their conditions compare the id alone.
 */
export function visibleIdentities(rules: readonly PreparedRule[]): Condition {
  const values: unknown[] = [];
  const cases = rules.map(({ rule: { conditions, inverted } }) => {
    const when = conditions === undefined ? 'true' : conditionOf(conditions, values);
    return `WHEN ${when} THEN ${inverted ? 'false' : 'true'}`;
  });
  return { sql: cases.length === 0 ? 'false' : `CASE ${cases.join(' ')} ELSE false END`, values };
}

function conditionOf({ identityId }: Conditions, values: unknown[]): string {
  const { $eq, $ne, $in } = (typeof identityId === 'string' ? { $eq: identityId } : identityId) as Comparison;
  const compare = (operator: string, value: unknown) => `i.id::text ${operator.replace('?', `$${values.push(value)}`)}`;
  const parts = [
    ...($eq === undefined ? [] : [compare('= ?', $eq)]),
    ...($ne === undefined ? [] : [compare('<> ?', $ne)]),
    ...($in === undefined ? [] : [compare('= ANY (?::text[])', [...$in])]),
  ];
  return parts.join(' AND ');
}
