import { type FieldValue, UnnamedText } from './condition-set';
import { globOf, isMatchedBy } from './glob';
import { type Conditions, conditionsIn, type Rule } from './rule';
import { decidingOf, isAllowance, type PreparedRule, type RuleSet } from './rule-set';

/** A permission that the holder lacks; with conditions, that of a rule that has them. */
export interface MissingPermission {
  readonly action: string;
  readonly subject: string;
  readonly conditions?: Conditions;
}

/** The most comparisons of one proof. Anything that is not proved by then counts as not covered. */
const MOST_COMPARISONS = 400_000;
const LONG_TEXT = 64;
/** So many comparisons of characters cost as much as one comparison of a whole text. */
const STEPS_OF_COMPARISON = 8;
/** So many actions of a rule cost as much to prepare as one text. */
const ACTIONS_OF_TEXT = 8;

/** The cost that proofs may have, one alone or several together. */
export interface ProofBudget {
  left: number;
}

export function proofBudget(): ProofBudget {
  return { left: MOST_COMPARISONS };
}

/** Takes a cost from a budget. False if the budget does not have it: then nothing more is proved. */
export function spend(budget: ProofBudget, cost: number): boolean {
  budget.left -= cost;
  return budget.left >= 0;
}

/** The cost of preparing rules for a proof. */
export function costOfPreparing(rules: readonly Rule[]): number {
  return conditionsIn(rules) + rules.reduce((sum, { action }) => sum + Math.ceil(action.length / ACTIONS_OF_TEXT), 0);
}

/**
 * The permissions that the target has and the holder does not provably have too, each with the conditions of the rule of the target
 * that gives it. Empty if the holder covers the target.
 *
 * It looks at every combination of values that the rules tell apart: each text that a rule names, a text that no rule names (once
 * for each set of patterns that may match it), and a value that is not known. Two values of one combination are the same to all
 * rules, so nothing else can differ.
 *
 * Once the budget is spent, each action that is left is missing as a whole: its conditions, which may be many, are not named.
 */
export function missingFrom(holder: RuleSet, target: RuleSet, budget = proofBudget()): MissingPermission[] {
  return allowedBy(target.rules).flatMap((pair) => {
    const found = uncovered(holder, target, pair, budget);
    return found?.map(({ conditions }) => ({ ...pair, ...(conditions ? { conditions } : {}) })) ?? [pair];
  });
}

/** Each action and subject that a rule allows, whatever the conditions. */
export function allowedBy(rules: readonly Rule[]): Pair[] {
  const seen = new Map<string, Pair>();
  for (const { action: actions, subject, inverted } of rules) {
    if (inverted !== true) for (const action of actions) seen.set(`${subject}:${action}`, { action, subject });
  }
  return [...seen.values()];
}

type Pair = Pick<MissingPermission, 'action' | 'subject'>;

/** The rules of the target that the holder does not cover; undefined if the budget ends before the proof. */
function uncovered(
  holder: RuleSet,
  target: RuleSet,
  { action, subject }: Pair,
  budget: ProofBudget,
): Rule[] | undefined {
  if (!spend(budget, 0)) return undefined;
  const held = holder.about(action, subject);
  const [last] = held;
  if (last?.conditions === undefined && isAllowance(last?.rule)) return [];
  return uncoveredOf(held, target.about(action, subject), budget);
}

function uncoveredOf(
  holder: readonly PreparedRule[],
  target: readonly PreparedRule[],
  budget: ProofBudget,
): Rule[] | undefined {
  const all = [...holder, ...target];
  // Even to sort the texts by their fields takes long if there are many.
  if (!spend(budget, all.length + comparedBy(all))) return undefined;
  const fields = fieldsOf(all);
  if (!spend(budget, costOf(all, fields))) return undefined;
  const found = new Set<Rule>();
  forEachWorld(fields.map(valuesOf), (valueOf) => {
    const wanted = decidingOf(target, valueOf)?.rule;
    if (isAllowance(wanted) && !isAllowance(decidingOf(holder, valueOf)?.rule)) found.add(wanted!);
  });
  const allowances = target.map(({ rule }) => rule).filter(isAllowance);
  return allowances.filter((rule) => found.has(rule)).reverse();
}

function comparedBy(rules: readonly PreparedRule[]): number {
  return rules.reduce((sum, { conditions }) => {
    return sum + (conditions === undefined ? 0 : conditions.texts.length + conditions.globs.length);
  }, 0);
}

/** Each rule is compared in each combination. A pattern is compared with a text, and with each other one, character by character. */
function costOf(rules: readonly PreparedRule[], fields: readonly Field[]): number {
  const combinations = fields.reduce(
    (product, { texts, globs }) => product * (1 + texts.length + 2 ** globs.length),
    1,
  );
  const patterns = rules.flatMap(({ conditions }) => conditions?.globs ?? []).map(last);
  const steps = charactersOf(patterns) * LONG_TEXT;
  const stepsBefore = fields.reduce((sum, { globs }) => sum + charactersOf(globs) ** 2, 0);
  return combinations * (rules.length + steps / STEPS_OF_COMPARISON) + stepsBefore / STEPS_OF_COMPARISON;
}

function charactersOf(patterns: readonly string[]): number {
  return patterns.reduce((sum, pattern) => sum + pattern.length, 0);
}

/** A field, and what the rules compare with it. */
interface Field {
  readonly name: string;
  readonly texts: readonly string[];
  readonly globs: readonly string[];
}

/** A field, and the values that the rules tell apart. */
interface Values {
  readonly name: string;
  readonly values: readonly FieldValue[];
}

function fieldsOf(rules: readonly PreparedRule[]): Field[] {
  const texts = rules.flatMap(({ conditions }) => conditions?.texts ?? []);
  const globs = rules.flatMap(({ conditions }) => conditions?.globs ?? []);
  const names = [...new Set([...texts, ...globs].map(([name]) => name))];
  const of = (name: string, pairs: typeof texts) => [...new Set(pairs.filter(([field]) => field === name).map(last))];
  return names.map((name) => ({ name, texts: of(name, texts), globs: of(name, globs) }));
}

function valuesOf({ name, texts, globs }: Field): Values {
  return { name, values: [undefined, ...texts, ...unnamed(globs)] };
}

function last([, text]: readonly [string, string]): string {
  return text;
}

/** One text for each set of patterns that may match a text that no rule names. */
function unnamed(patterns: readonly string[]): UnnamedText[] {
  const implied = patterns.map((narrow) => patterns.filter((wide) => isMatchedBy(globOf(narrow), globOf(wide))));
  const sets = Array.from({ length: 2 ** patterns.length }, (_, bits) =>
    patterns.filter((_pattern, place) => (bits & (1 << place)) !== 0),
  );
  const isPossible = (set: readonly string[]) =>
    set.every((pattern) => implied[patterns.indexOf(pattern)]!.every((wide) => set.includes(wide)));
  return sets.filter(isPossible).map((set) => new UnnamedText(new Set(set)));
}

function forEachWorld(fields: readonly Values[], visit: (valueOf: (field: string) => FieldValue) => void): void {
  const world = new Map<string, FieldValue>();
  const valueOf = (field: string) => world.get(field);
  const choose = (place: number): void => {
    const field = fields[place];
    if (field === undefined) return visit(valueOf);
    for (const value of field.values) {
      world.set(field.name, value);
      choose(place + 1);
    }
  };
  choose(0);
}
