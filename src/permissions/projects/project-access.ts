import type { TokenPermissions } from '../../access-tokens/issuing/token-permissions';
import {
  allowedBy,
  costOfPreparing,
  type MissingPermission,
  missingFrom,
  type ProofBudget,
  proofBudget,
  spend,
} from '../rules/coverage';
import type { PreparedRule } from '../rules/rule-set';
import type { Rule } from '../rules/rule';
import { type Fields, RuleSet } from '../rules/rule-set';
import { effectiveRules, type RuleOwner, widestRules } from './effective-rules';

/** The origin of rules. */
export interface GrantSource {
  readonly type: 'role' | 'privilege';
  /** The id of the role among those of a membership, or of the privilege. */
  readonly id: string;
  /** The slug of the role or of the privilege. */
  readonly slug: string;
  /** The group through which it is held; null if it is held directly. */
  readonly via: { readonly id: string; readonly slug: string } | null;
}

/** Rules that someone has in a project, and from when until when, in milliseconds since the epoch. */
export interface Grant {
  readonly source: GrantSource;
  readonly startsMs: number;
  readonly endsMs: number;
  readonly rules: readonly Rule[];
}

/** The facts of one identity in one project, as the database has them. */
export interface ProjectFacts {
  readonly projectId: string;
  readonly slug: string;
  readonly name: string;
  /** False for an identity that is in the project neither itself nor through a group. */
  readonly isMember: boolean;
  readonly owner: RuleOwner;
  /** In the order of their rules. */
  readonly grants: readonly Grant[];
  /** The ids of the roles and groups whose change changes the grants. */
  readonly restsOn: readonly string[];
  /** The characters that the facts were read from. */
  readonly characters: number;
}

interface RulesOfTime {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly rules: RuleSet;
  readonly sources: ReadonlyMap<Rule, Grant>;
}

/**
 * The rights of one identity in one project. The grants do not change; which of them count depends on the time alone, so a
 * temporary right begins and ends without any work in between.
 */
export class ProjectAccess {
  private current: RulesOfTime | undefined;

  constructor(readonly facts: ProjectFacts) {}

  /** @param fields those of the object in question. */
  allows(nowMs: number, action: string, subject: string, fields?: Fields): boolean {
    return this.at(nowMs).rules.allows(action, subject, fields);
  }

  /** Whether a rule allows the action on some object, or on any. */
  mayAllow(nowMs: number, action: string, subject: string): boolean {
    return this.about(nowMs, action, subject).some(({ rule }) => !rule.inverted);
  }

  /** The rules about an action on a subject that count now, the last first. */
  about(nowMs: number, action: string, subject: string): readonly PreparedRule[] {
    return this.at(nowMs).rules.about(action, subject);
  }

  /** The rule that decides, and the grant that it comes from; undefined if no rule matches. */
  deciding(nowMs: number, action: string, subject: string, fields?: Fields): { rule: Rule; grant: Grant } | undefined {
    const { rules, sources } = this.at(nowMs);
    const rule = rules.deciding(action, subject, fields);
    return rule && { rule, grant: sources.get(rule)! };
  }

  rulesAt(nowMs: number): readonly Rule[] {
    return this.at(nowMs).rules.rules;
  }

  /** The grants that count now, in the order of their rules. */
  grantsAt(nowMs: number): readonly Grant[] {
    return this.facts.grants.filter((one) => counts(one, nowMs));
  }

  /** The moments after `nowMs` at which a grant begins or ends. */
  momentsAfter(nowMs: number): number[] {
    return momentsOf(this.facts.grants).filter((moment) => moment > nowMs);
  }

  private at(nowMs: number): RulesOfTime {
    const { current } = this;
    if (current !== undefined && nowMs >= current.fromMs && nowMs < current.untilMs) return current;
    return (this.current = this.rulesOfTime(nowMs));
  }

  private rulesOfTime(nowMs: number): RulesOfTime {
    const { grants, owner } = this.facts;
    const moments = momentsOf(grants);
    const sources = new Map<Rule, Grant>();
    for (const grant of grants.filter((one) => counts(one, nowMs))) {
      for (const rule of effectiveRules(grant.rules, owner)) sources.set(rule, grant);
    }
    return {
      fromMs: Math.max(-Infinity, ...moments.filter((moment) => moment <= nowMs)),
      untilMs: Math.min(Infinity, ...moments.filter((moment) => moment > nowMs)),
      rules: new RuleSet([...sources.keys()]),
      sources,
    };
  }
}

function counts({ startsMs, endsMs }: Grant, nowMs: number): boolean {
  return startsMs <= nowMs && nowMs < endsMs;
}

function momentsOf(grants: readonly Grant[]): number[] {
  return grants.flatMap(({ startsMs, endsMs }) => [startsMs, endsMs]).filter(Number.isFinite);
}

/** A holder of rights in a project: those of the identity, cut to those that its token was given. */
export interface ProjectHolder {
  readonly access: ProjectAccess;
  /** Null for a token with all rights of its identity. */
  readonly permissions: TokenPermissions | null;
}

/**
 * The permissions that grants give at some moment from now on, and that the holder does not provably hold at that moment: a
 * temporary right is not handed on for longer than it lasts (decision 41). If the budget ends before, all that the grants allow
 * is missing.
 */
export function missingFromNowOn(
  holder: ProjectHolder,
  grants: readonly Grant[],
  nowMs: number,
  budget = proofBudget(),
): readonly MissingPermission[] {
  const allowed = allowedBy(grants.flatMap(({ rules }) => rules));
  if (allowed.length === 0) return [];
  const later = [...holder.access.momentsAfter(nowMs), ...momentsOf(grants).filter((moment) => moment > nowMs)];
  const costAt = costOfMoments([...grants, ...holder.access.facts.grants]);
  const found = new Map<string, MissingPermission>();
  for (const moment of [...new Set([nowMs, ...later])].sort((a, b) => a - b)) {
    if (!spend(budget, costAt(moment))) return allowed;
    for (const one of missingAt(holder, grants, moment, budget)) found.set(JSON.stringify(one), one);
    if (!spend(budget, 0)) return allowed;
  }
  return [...found.values()];
}

function missingAt(
  { access, permissions }: ProjectHolder,
  grants: readonly Grant[],
  moment: number,
  budget: ProofBudget,
): MissingPermission[] {
  const rules = grants.filter((one) => counts(one, moment)).flatMap((one) => widestRules(one.rules));
  return missingFrom(new RuleSet(cutTo(permissions, access.rulesAt(moment))), new RuleSet(rules), budget);
}

/** The cost of preparing the rules that count at a moment. */
function costOfMoments(grants: readonly Grant[]): (moment: number) => number {
  const costs = grants.map((grant) => ({ grant, cost: costOfPreparing(grant.rules) }));
  return (moment) => costs.reduce((sum, { grant, cost }) => sum + (counts(grant, moment) ? cost : 0), 0);
}

/** The rules of an identity, as far as they are about what its token was given. */
export function cutTo(permissions: TokenPermissions | null, rules: readonly Rule[]): readonly Rule[] {
  if (permissions === null) return rules;
  return rules.flatMap((rule) => {
    const given = Object.hasOwn(permissions, rule.subject) ? permissions[rule.subject]! : [];
    const action = rule.action.filter((one) => given.includes(one));
    return action.length === 0 ? [] : [{ ...rule, action }];
  });
}
