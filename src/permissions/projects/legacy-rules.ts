import type { Rule } from '../rules/rule';

const OF_DYNAMIC_SECRETS: Readonly<Record<string, readonly string[]>> = {
  read: ['read-root-credential'],
  create: ['create-root-credential'],
  edit: ['edit-root-credential', 'lease'],
  delete: ['delete-root-credential'],
};
const OF_FOLDERS = ['create', 'edit', 'delete'];
const HIDDEN = ['dynamic-secrets', 'secret-imports'];

/**
 * Rules in the form that older clients send, in which a rule on secrets is about everything beneath the same path too. Rules on
 * folders that older clients send are about reading alone.
 */
export function fromLegacyRules(rules: readonly Rule[]): Rule[] {
  const readsFolders = rules.some(({ subject, action }) => subject === 'secret-folders' && action.includes('read'));
  return rules
    .filter((rule) => !isBesideSecrets(rule, rules))
    .flatMap((rule) => (rule.subject === 'secrets' ? spread(rule, readsFolders) : [rule]));
}

/** The reverse: what has been spread is hidden, and of rules on folders reading is left. */
export function toLegacyRules(rules: readonly Rule[]): Rule[] {
  return rules.flatMap((rule) => {
    if (HIDDEN.includes(rule.subject)) return [];
    if (rule.subject !== 'secret-folders') return [rule];
    return rule.action.includes('read') ? [{ ...rule, action: ['read'] }] : [];
  });
}

/** A rule that older clients were not shown, and that they send nevertheless, is made from the one on secrets. */
function isBesideSecrets({ subject }: Rule, rules: readonly Rule[]): boolean {
  return HIDDEN.includes(subject) && rules.some((rule) => rule.subject === 'secrets');
}

function spread(rule: Rule, readsFolders: boolean): Rule[] {
  const { action, conditions, inverted } = rule;
  const crud = action.filter((one) => one in OF_DYNAMIC_SECRETS);
  const beneath = onPaths(conditions);
  const made = (subject: string, actions: readonly string[]): Rule[] =>
    actions.length === 0 ? [] : [{ subject, action: actions, ...beneath, ...(inverted ? { inverted } : {}) }];
  const ofFolders = crud.filter((one) => OF_FOLDERS.includes(one) || (readsFolders && one === 'read'));
  return [
    rule,
    ...made('secret-imports', crud),
    ...made(
      'dynamic-secrets',
      crud.flatMap((one) => OF_DYNAMIC_SECRETS[one]!),
    ),
    ...made('secret-folders', ofFolders),
  ];
}

/** Names and tags are those of secrets alone. */
function onPaths(conditions: Rule['conditions']): Pick<Rule, 'conditions'> {
  const { environment, secretPath } = conditions ?? {};
  const kept = { ...(environment ? { environment } : {}), ...(secretPath ? { secretPath } : {}) };
  return Object.keys(kept).length === 0 ? {} : { conditions: kept };
}
