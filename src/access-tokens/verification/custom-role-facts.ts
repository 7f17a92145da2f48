import { LRUCache } from 'lru-cache';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { CUSTOM_ROLE } from '../../permissions/roles';
import { RuleSet } from '../../permissions/rules/rule-set';
import { storedRules } from '../../permissions/rules/stored-rules';

/** A role that the organization has made. */
export interface CustomRoleFacts {
  readonly id: string;
  readonly slug: string;
  readonly rules: RuleSet;
}

/** The raw columns. All but the first are null for a role that is built in. */
export interface CustomRoleRow {
  role: string | null;
  custom_role_id: string | null;
  custom_role_slug: string | null;
  custom_role_rules: string | null;
}

/** A role whose rules cannot be read is not taken for one without rules. @throws UnreadableValueError */
export function customRoleOf(row: CustomRoleRow, known: KnownRules): CustomRoleFacts | null {
  if (row.role !== CUSTOM_ROLE) return null;
  const { custom_role_id: id, custom_role_slug: slug, custom_role_rules: text } = row;
  if (id === null || slug === null || text === null) throw new UnreadableValueError('the role of an identity');
  return { id, slug, rules: known.of(id, text) };
}

/** The most roles whose rules are kept, and the characters of all of them together. */
const MOST_ROLES = 10_000;
const MOST_CHARACTERS = 50_000_000;

/** The rules of roles, read and prepared once for each version of a role. All tokens share them. */
export class KnownRules {
  private readonly known = new LRUCache<string, { readonly text: string; readonly rules: RuleSet }>({
    max: MOST_ROLES,
    maxSize: MOST_CHARACTERS,
    sizeCalculation: ({ text }) => text.length,
  });

  /** @throws UnreadableValueError */
  of(id: string, text: string): RuleSet {
    const known = this.known.get(id);
    if (known?.text === text) return known.rules;
    const rules = new RuleSet(storedRules(parsed(text)));
    this.known.set(id, { text, rules });
    return rules;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
