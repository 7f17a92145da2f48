import { packRules, type PackRule, unpackRules } from '@casl/ability/extra';

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
