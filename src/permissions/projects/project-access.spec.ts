import { performance } from 'node:perf_hooks';
import { proofBudget } from '../rules/coverage';
import type { Rule } from '../rules/rule';
import { type Grant, missingFromNowOn, ProjectAccess } from './project-access';

const owner = { id: 'abcd', name: 'deployer', labels: {} };
const grantOf = (rules: readonly Rule[], endsMs = Infinity): Grant => ({
  source: { type: 'role', id: 'r', slug: 'r', via: null },
  startsMs: -Infinity,
  endsMs,
  rules,
});
const holderOf = (...grants: Grant[]) => ({
  access: new ProjectAccess({
    ...{ projectId: 'p', slug: 'p', name: 'p', isMember: true, owner, grants, restsOn: [], characters: 0 },
  }),
  permissions: null,
});
const READ: Rule = { subject: 'secrets', action: ['describeSecret'] };

describe('a proof over all times', () => {
  it('ends soon whatever the roles and their times are, and then all that they allow is missing', () => {
    const texts = (mark: string) => Array.from({ length: 100 }, (_, place) => `${mark}${place}`);
    const action = ['describeSecret', 'readValue', 'create', 'edit', 'delete'];
    const rules = texts('r').map((one) => ({
      ...{ subject: 'secrets', action, conditions: { secretName: { $in: texts(one) } } },
    }));
    const grants = Array.from({ length: 49 }, (_, place) => grantOf(rules, 1_000 + place));
    const startedAt = performance.now();
    const missing = missingFromNowOn(holderOf(grantOf([READ]), ...grants), grants, 0);
    expect(missing).toEqual(action.map((one) => ({ action: one, subject: 'secrets' })));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('shares its budget with other proofs, charges unconditional rules too, and needs nothing for what allows nothing', () => {
    const budget = proofBudget();
    const before = budget.left;
    expect(missingFromNowOn(holderOf(grantOf([READ])), [grantOf([READ])], 0, budget)).toEqual([]);
    expect(budget.left).toBeLessThan(before);
    budget.left = 1;
    expect(missingFromNowOn(holderOf(grantOf([READ])), [grantOf([READ])], 0, budget)).toEqual([
      { action: 'describeSecret', subject: 'secrets' },
    ]);
    expect(missingFromNowOn(holderOf(), [grantOf([{ ...READ, inverted: true }])], 0, budget)).toEqual([]);
  });
});
