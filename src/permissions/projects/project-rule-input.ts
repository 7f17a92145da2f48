import { isObject } from '../../common/option-rules';
import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { BadRequestError } from '../../common/errors/latchkey.error';
import type { Rule } from '../rules/rule';
import { issue, type RuleInput, rulesFrom } from '../rules/rule-input';
import { hasPlaceholder, mapTexts, unknownPlaceholder } from './effective-rules';
import { PROJECT_CONDITION_FIELDS, PROJECT_SUBJECTS } from './project-subjects';

/** One rule names both `read` on secrets and a part of it. 400. */
export class MixedSecretReadsError extends BadRequestError {
  constructor() {
    super(
      'mixed_secret_reads',
      'A rule on secrets names either read, or describeSecret and readValue: read stands for both.',
    );
  }
}

type Path = readonly (string | number)[];

/**
 * The rules of a project, from those that a client has sent.
 *
 * @throws ValidationFailureError, MixedSecretReadsError
 */
export function projectRulesFrom(inputs: readonly RuleInput[]): Rule[] {
  const rules = rulesFrom(inputs, PROJECT_SUBJECTS, PROJECT_CONDITION_FIELDS);
  const issues = rules.flatMap((rule, place) => issuesOf(rule, ['permissions', place, 'conditions']));
  if (issues.length > 0) throw new ValidationFailureError(issues);
  if (rules.some(isMixed)) throw new MixedSecretReadsError();
  return rules.map(withIdsAsCompared);
}

/** Ids are compared in lower case. A placeholder keeps its case, because the keys of metadata have one. */
function withIdsAsCompared(rule: Rule): Rule {
  if (rule.subject !== 'identity' || rule.conditions === undefined) return rule;
  const lower = (text: string) => (hasPlaceholder(text) ? text : text.toLowerCase());
  return { ...rule, conditions: mapTexts(rule.conditions, lower) };
}

function isMixed({ subject, action }: Rule): boolean {
  const isPart = (one: string) => one === 'describeSecret' || one === 'readValue';
  return subject === 'secrets' && action.includes('read') && action.some(isPart);
}

function issuesOf({ subject, conditions = {} }: Rule, path: Path): ValidationIssue[] {
  return Object.entries(conditions).flatMap(([field, comparison]) => {
    const at = [...path, field];
    if (subject === 'identity' && isObject(comparison) && '$glob' in comparison) {
      return [issue([...at, '$glob'], 'Ids are compared with $eq, $ne and $in', 'invalid_string')];
    }
    return textsOf(comparison, at).flatMap(([text, where]) => issuesOfText(text, where, field));
  });
}

function textsOf(comparison: unknown, at: Path): (readonly [text: string, at: Path])[] {
  if (typeof comparison === 'string') return [[comparison, at]];
  return Object.entries(comparison as object).flatMap(([operator, operand]) =>
    [operand as string | string[]].flat().map((text) => [text, [...at, operator]] as const),
  );
}

function issuesOfText(text: string, at: Path, field: string): ValidationIssue[] {
  const placeholder = unknownPlaceholder(text);
  if (placeholder !== undefined) return [issue(at, PLACEHOLDERS, 'invalid_string')];
  if (field !== 'secretPath' || isPath(text)) return [];
  return [issue(at, PATHS, 'invalid_string')];
}

const PLACEHOLDERS =
  'A placeholder is one of {{identity.id}}, {{identity.username}}, {{identity.metadata.<key>}} and {{identity.auth.<claim>}}';
const PATHS = 'Expected a path such as /app/db: it begins with /, and has no empty part, no . and no .. in it';

/** A path in the one form in which paths are compared. */
function isPath(text: string): boolean {
  if (text === '/') return true;
  return text.startsWith('/') && !/\/(\/|$|\.{1,2}(\/|$))/.test(text);
}
