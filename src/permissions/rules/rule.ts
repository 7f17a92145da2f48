import { packRules, type PackRule, unpackRules } from '@casl/ability/extra';
import { isObject } from '../../common/option-rules';

/** A comparison of one field. Every operator that is given must hold. */
export interface Comparison {
  readonly $eq?: string;
  readonly $ne?: string;
  readonly $in?: readonly string[];
  readonly $glob?: string;
}

/** Fields and their comparisons, which must all hold. A text alone means `$eq`. */
export type Conditions = Readonly<Record<string, string | Comparison>>;

/** One rule of a role. The last rule that matches decides. */
export interface Rule {
  readonly subject: string;
  readonly action: readonly string[];
  readonly conditions?: Conditions;
  /** True for a prohibition. */
  readonly inverted?: boolean;
}

/** How many texts and patterns a comparison names. */
export function countOf(comparison: unknown): number {
  if (!isObject(comparison)) return 1;
  return Object.values(comparison).reduce<number>((sum, one) => sum + (Array.isArray(one) ? one.length : 1), 0);
}

/** How many texts and patterns the conditions of rules name. */
export function conditionsIn(rules: readonly Rule[]): number {
  return rules.reduce((sum, { conditions }) => {
    return sum + Object.values(conditions ?? {}).reduce<number>((ofRule, one) => ofRule + countOf(one), 0);
  }, 0);
}

/** A rule as it is stored, and as the routes for one's own permissions answer it. */
export type PackedRule = PackRule<PackableRule>;

interface PackableRule {
  subject: string;
  action: string[];
  conditions?: Conditions;
  inverted?: boolean;
}

export function packed(rules: readonly Rule[]): PackedRule[] {
  return packRules(rules.map((rule): PackableRule => ({ ...rule, action: [...rule.action] })));
}

/** The inverse of `packed`. Each element must have the form of a packed rule. */
export function unpacked(rules: readonly PackedRule[]): Rule[] {
  return unpackRules<PackableRule>([...rules]).map(({ subject, action, conditions, inverted }) => ({
    subject: [subject].flat().join(','),
    action: [action].flat(),
    ...(conditions ? { conditions } : {}),
    ...(inverted ? { inverted } : {}),
  }));
}
