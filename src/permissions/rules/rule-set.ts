import { Ability } from '@casl/ability';
import { ConditionSet, type FieldValue } from './condition-set';
import type { Rule } from './rule';

/** The fields of the object that a question is about. A field that is left out is not known. */
export type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = {};

/** CASL has words for every action and every subject. Here no rule says either. */
const NEVER = '\0';

/** A rule, prepared for many questions. */
export interface PreparedRule {
  readonly rule: Rule;
  readonly conditions: ConditionSet | undefined;
}

/**
 * The ordered rules of a role. It never changes, so all tokens whose identity has the role share one. The last rule that matches
 * decides; without one, the answer is no.
 *
 * An allowance whose conditions depend on a field that is not known does not match, and a prohibition does: what is not known
 * never widens anything (decision 40).
 */
export class RuleSet {
  private readonly ability: Ability<[string, string], ConditionSet>;
  private readonly prepared = new Map<object, PreparedRule>();
  private readonly found = new Map<string, Map<string, readonly PreparedRule[]>>();

  constructor(readonly rules: readonly Rule[]) {
    const raw = rules.map((rule) => this.prepare(rule));
    this.ability = new Ability<[string, string], ConditionSet>(raw, {
      anyAction: NEVER,
      anySubjectType: NEVER,
      conditionsMatcher: (conditions) => (object: Fields) => conditions.match(reading(object)) === true,
    });
  }

  allows(action: string, subject: string, fields: Fields = NO_FIELDS): boolean {
    return isAllowance(this.deciding(action, subject, fields));
  }

  /** The rule that decides; undefined if none matches. */
  deciding(action: string, subject: string, fields: Fields = NO_FIELDS): Rule | undefined {
    return decidingOf(this.about(action, subject), reading(fields))?.rule;
  }

  /** The rules about an action on a subject, the last first. */
  about(action: string, subject: string): readonly PreparedRule[] {
    const known = this.found.get(subject)?.get(action);
    return known ?? this.find(action, subject);
  }

  private find(action: string, subject: string): readonly PreparedRule[] {
    const rules = this.ability.rulesFor(action, subject).map(({ origin }) => this.prepared.get(origin)!);
    // Only what rules name is kept: others may ask for anything.
    if (rules.length > 0) {
      const ofSubject = this.found.get(subject) ?? new Map<string, readonly PreparedRule[]>();
      this.found.set(subject, ofSubject.set(action, rules));
    }
    return rules;
  }

  private prepare(rule: Rule) {
    const conditions = rule.conditions === undefined ? undefined : new ConditionSet(rule.conditions);
    const { subject, inverted = false } = rule;
    const raw = { subject, action: [...rule.action], inverted, ...(conditions ? { conditions } : {}) };
    this.prepared.set(raw, { rule, conditions });
    return raw;
  }
}

/** The first that matches, of rules of which the last comes first. */
export function decidingOf(
  rules: readonly PreparedRule[],
  valueOf: (field: string) => FieldValue,
): PreparedRule | undefined {
  for (const one of rules) {
    const isMatch = one.conditions === undefined ? true : one.conditions.match(valueOf);
    if (isMatch ?? one.rule.inverted === true) return one;
  }
  return undefined;
}

export function isAllowance(rule: Rule | undefined): boolean {
  return rule !== undefined && rule.inverted !== true;
}

/** Most rules about a subject compare the same field, so the last one is kept. */
function reading(fields: Fields): (field: string) => FieldValue {
  let last: string | undefined;
  let value: FieldValue;
  return (field) => {
    if (field !== last) value = textOf(fields, field);
    last = field;
    return value;
  };
}

function textOf(fields: Fields, field: string): string | undefined {
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
  return typeof value === 'string' ? value : undefined;
}
