import { isObject } from '../../common/option-rules';
import { isStorable, typeName } from '../../common/dto/rules';
import { type IssueCode, ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { UNSUPPORTED_IN_GLOB } from './glob';
import { type Conditions, countOf, type Rule } from './rule';
import { actionsOf, CONDITION_FIELDS, type ConditionFields, conditionFieldsOf, type Subjects } from './subjects';

/** A rule as a client sends it: its types are checked, and its names are not. */
export interface RuleInput {
  readonly subject: string;
  readonly action: string | readonly string[];
  readonly conditions?: object;
  readonly inverted?: boolean;
}

/** The most rules of one role. */
export const MOST_RULES = 100;
/** The most texts and patterns that the conditions of one rule compare with. */
export const MOST_CONDITIONS = 100;
/** The most actions that one rule names. */
export const MOST_ACTIONS = 32;
/** The most characters of a text or a pattern in a condition. */
const LONGEST_TEXT = 255;

const OPERATORS = ['$eq', '$ne', '$in', '$glob'];

type Path = readonly (string | number)[];

/**
 * The rules of a role, from those that a client has sent. Actions become a list that has each once.
 *
 * @param subjects those that rules may name, and their actions.
 * @param fields those that their conditions may compare.
 * @throws ValidationFailureError that says of every name that is not known what is allowed.
 */
export function rulesFrom(
  inputs: readonly RuleInput[],
  subjects: Subjects,
  fields: ConditionFields = CONDITION_FIELDS,
): Rule[] {
  const issues = inputs.flatMap((input, place) => issuesOf(input, ['permissions', place], { subjects, fields }));
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return inputs.map(ruleOf);
}

function ruleOf({ subject, action, conditions, inverted }: RuleInput): Rule {
  return {
    subject,
    action: [...new Set([action].flat())],
    ...(conditions !== undefined && Object.keys(conditions).length > 0 ? { conditions: conditions as Conditions } : {}),
    ...(inverted ? { inverted } : {}),
  };
}

interface Names {
  readonly subjects: Subjects;
  readonly fields: ConditionFields;
}

function issuesOf(
  { subject, action, conditions }: RuleInput,
  path: Path,
  { subjects, fields }: Names,
): ValidationIssue[] {
  const actions = actionsOf(subjects, subject);
  if (actions === undefined) {
    return [issue([...path, 'subject'], unknown('subject', subject, Object.keys(subjects)), 'invalid_string')];
  }
  const named = [action].flat();
  const at = (place: number) => (Array.isArray(action) ? [...path, 'action', place] : [...path, 'action']);
  const wrong = named.flatMap((one, place) =>
    actions.includes(one) ? [] : [issue(at(place), unknown(`action on ${subject}`, one, actions), 'invalid_string')],
  );
  const compared = { subject, fields: conditionFieldsOf(fields, subject) };
  return [...wrong, ...issuesOfConditions(conditions, [...path, 'conditions'], compared)];
}

function issuesOfConditions(
  conditions: object | undefined,
  path: Path,
  { subject, fields }: { readonly subject: string; readonly fields: readonly string[] },
): ValidationIssue[] {
  const entries = Object.entries(conditions ?? {});
  if (entries.length > 0 && fields.length === 0) return [issue(path, `Rules on ${subject} take no conditions`)];
  const count = entries.reduce((sum, [, comparison]) => sum + countOf(comparison), 0);
  if (count > MOST_CONDITIONS) return [issue(path, `At most ${MOST_CONDITIONS} conditions in a rule`, 'too_big')];
  return entries.flatMap(([field, comparison]) =>
    fields.includes(field)
      ? issuesOfComparison(comparison, [...path, field])
      : [issue(path, unknown(`field of ${subject} for conditions`, field, fields), 'invalid_string')],
  );
}

function issuesOfComparison(comparison: unknown, path: Path): ValidationIssue[] {
  if (typeof comparison === 'string') return issuesOfText(comparison, path);
  if (!isObject(comparison) || Object.keys(comparison).length === 0) {
    return [issue(path, `Expected a text, or an object of ${OPERATORS.join(', ')}`)];
  }
  return Object.entries(comparison).flatMap(([operator, operand]) => issuesOfOperand(operator, operand, path));
}

function issuesOfOperand(operator: string, operand: unknown, path: Path): ValidationIssue[] {
  if (!OPERATORS.includes(operator)) return [issue(path, unknown('operator', operator, OPERATORS), 'invalid_string')];
  const at = [...path, operator];
  if (operator !== '$in') {
    const isGlob = operator === '$glob' && typeof operand === 'string' && UNSUPPORTED_IN_GLOB.test(operand);
    return isGlob ? [issue(at, UNSUPPORTED_GLOB, 'invalid_string')] : issuesOfText(operand, at);
  }
  if (!Array.isArray(operand) || operand.length === 0) return [issue(at, 'Expected a list of at least one text')];
  return operand.flatMap((text, place) => issuesOfText(text, [...at, place]));
}

const UNSUPPORTED_GLOB = 'A pattern may have *, ** and ? beside plain characters, and none of [ ] { } ( ) ! + @ | \\';

function issuesOfText(text: unknown, path: Path): ValidationIssue[] {
  if (typeof text !== 'string') return [issue(path, `Expected string, received ${typeName(text)}`, 'invalid_type')];
  if (text.length < 1 || text.length > LONGEST_TEXT) {
    return [issue(path, `Expected 1 to ${LONGEST_TEXT} characters`, text.length < 1 ? 'too_small' : 'too_big')];
  }
  return isStorable.holds(text) ? [] : [issue(path, isStorable.message(text), isStorable.code)];
}

export function issue(path: Path, message: string, code: IssueCode = 'custom'): ValidationIssue {
  return { code, path: [...path], message };
}

/** Names what was sent, if it could be a name: other texts are not repeated. */
function unknown(what: string, name: string, allowed: readonly string[]): string {
  const named = /^\$?[A-Za-z][A-Za-z-]{0,40}$/.test(name) ? ` '${name}'` : ' of this name';
  return `There is no ${what}${named}. Allowed are: ${allowed.join(', ')}`;
}
