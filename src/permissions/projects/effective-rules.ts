import type { Comparison, Conditions, Rule } from '../rules/rule';

/** Whose rules they are: the values of the placeholders in conditions. */
export interface RuleOwner {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Text in a condition that stands for a property of whoever has the rule, such as `{{identity.id}}`. */
const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The placeholders that a text may have. */
const KNOWN = /^identity\.(id|username|metadata\.[^{}]{1,255}|auth\.[^{}]{1,255})$/;

export function hasPlaceholder(text: string): boolean {
  return text.includes('{{');
}

/** The first placeholder of a text that has no meaning; undefined if all have one. */
export function unknownPlaceholder(text: string): string | undefined {
  const named = [...text.matchAll(PLACEHOLDER)].map(([, name]) => name!);
  return named.find((name) => !KNOWN.test(name));
}

/**
 * The rules that decide: placeholders have their values, and `read` on secrets is what it stands for. A placeholder without a
 * value allows nothing, and limits no prohibition.
 */
export function effectiveRules(rules: readonly Rule[], owner: RuleOwner): Rule[] {
  return rules.map((rule) => filled(rule, owner)).flatMap((rule) => (rule.inverted ? wider(rule) : exact(rule)));
}

/**
 * Rules that allow at least as much as these, whoever has them: a comparison with a placeholder is left out of what is allowed,
 * and a prohibition that has one is left out whole. So names and labels that change later widen nothing beyond a proof.
 */
export function widestRules(rules: readonly Rule[]): Rule[] {
  return rules.flatMap((rule) => (rule.inverted ? exact(rule) : wider(rule)));
}

/** The rule, if it has no placeholder. */
function exact(rule: Rule): Rule[] {
  return dependsOnOwner(rule) ? [] : [withReads(rule)];
}

/** The rule without the comparisons that have a placeholder, so that it matches more. */
function wider(rule: Rule): Rule[] {
  if (!dependsOnOwner(rule)) return [withReads(rule)];
  const { conditions: all, ...rest } = rule;
  const conditions = withoutPlaceholders(all!);
  return [withReads(Object.keys(conditions).length === 0 ? rest : { ...rest, conditions })];
}

function dependsOnOwner({ conditions }: Rule): boolean {
  return conditions !== undefined && hasPlaceholder(JSON.stringify(conditions));
}

/** `read` on secrets is to see them and their values (decision 44). */
function withReads(rule: Rule): Rule {
  if (rule.subject !== 'secrets' || !rule.action.includes('read')) return { ...rule };
  const others = rule.action.filter((one) => one !== 'read');
  return { ...rule, action: [...new Set([...others, 'describeSecret', 'readValue'])] };
}

function filled(rule: Rule, owner: RuleOwner): Rule {
  if (!dependsOnOwner(rule)) return rule;
  const filledIn = (text: string, operator: string) => {
    const filledText = fill(text, owner, operator === '$glob');
    // Ids are compared in lower case, and labels may have them in another.
    return rule.subject === 'identity' ? filledText.toLowerCase() : filledText;
  };
  return { ...rule, conditions: mapTexts(rule.conditions!, filledIn) };
}

/** A value is literal: one that would mean something in a pattern does not fill it, so that the placeholder has no value. */
function fill(text: string, owner: RuleOwner, isPattern: boolean): string {
  return text.replace(PLACEHOLDER, (whole, name: string) => {
    const value = valueOf(name, owner);
    return value === undefined || (isPattern && MEANT_IN_PATTERN.test(value)) ? whole : value;
  });
}

const MEANT_IN_PATTERN = /[*?[{\\]/;

function valueOf(name: string, { id, name: username, labels }: RuleOwner): string | undefined {
  if (name === 'identity.id') return id;
  if (name === 'identity.username') return username;
  const key = /^identity\.metadata\.(.+)$/.exec(name)?.[1];
  return key !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** The conditions with other texts. `map` is told the operator that compares with a text. */
export function mapTexts(conditions: Conditions, map: (text: string, operator: string) => string): Conditions {
  const mapOne = (one: string | Comparison) =>
    typeof one === 'string'
      ? map(one, '$eq')
      : Object.fromEntries(
          Object.entries(one as Record<string, string | readonly string[]>).map(([operator, operand]) => [
            operator,
            typeof operand === 'string' ? map(operand, operator) : operand.map((text) => map(text, operator)),
          ]),
        );
  return Object.fromEntries(Object.entries(conditions).map(([field, one]) => [field, mapOne(one)]));
}

function withoutPlaceholders(conditions: Conditions): Conditions {
  const kept = Object.entries(conditions).flatMap(([field, one]): [string, string | Comparison][] => {
    if (typeof one === 'string') return hasPlaceholder(one) ? [] : [[field, one]];
    const operators = Object.entries(one).filter(([, operand]) => !hasPlaceholder(JSON.stringify(operand)));
    return operators.length === 0 ? [] : [[field, Object.fromEntries(operators)]];
  });
  return Object.fromEntries(kept);
}
