import { Injectable } from '@nestjs/common';
import { CUSTOM_ROLE, isRole } from '../permissions/roles';
import { RuleSet } from '../permissions/rules/rule-set';
import { storedRules } from '../permissions/rules/stored-rules';
import type { SqlRunner } from '../database/sql-runner';
import { RoleStore } from './role.store';

/** A role that an identity can be given. */
export interface AssignableRole {
  readonly slug: string;
  /** As a membership says it: the slug of a built-in role, or `custom`. */
  readonly role: string;
  readonly customRoleId: string | null;
  readonly rules: RuleSet | null;
}

/** Finds the role that a slug names. */
@Injectable()
export class AssignableRolesService {
  constructor(private readonly store: RoleStore) {}

  /** A role of the organization, locked so that it stays as it is until the transaction ends; undefined if there is none. */
  async find(run: SqlRunner, organizationId: string, slug: string): Promise<AssignableRole | undefined> {
    if (isRole(slug)) return { slug, role: slug, customRoleId: null, rules: null };
    const found = await this.store.holdBySlug(run, slug, organizationId);
    if (found === undefined) return undefined;
    const rules = new RuleSet(storedRules(found.permissions));
    return { slug, role: CUSTOM_ROLE, customRoleId: found.id, rules };
  }
}
