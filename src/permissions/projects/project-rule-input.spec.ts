import type { Rule } from '../rules/rule';
import { effectiveRules } from './effective-rules';
import { projectRulesFrom } from './project-rule-input';

const owner = { id: 'abcd', name: 'deployer', labels: {} };
const READ: Rule = { subject: 'secrets', action: ['describeSecret'] };

describe('conditions of project rules', () => {
  it('take the value of a placeholder literally in a pattern: one that would match more allows nothing', () => {
    const rule: Rule = { ...READ, conditions: { secretPath: { $glob: '/users/{{identity.username}}/**' } } };
    const named = (name: string, inverted: boolean) => effectiveRules([{ ...rule, inverted }], { ...owner, name });
    expect(named('deployer', false)).toMatchObject([{ conditions: { secretPath: { $glob: '/users/deployer/**' } } }]);
    for (const name of ['**', 'a*', 'a?', '[a]', '{a}', 'a\\']) {
      expect(named(name, false)).toEqual([]);
      expect(named(name, true)).toEqual([{ ...READ, inverted: true }]);
    }
  });

  it('compare ids in lower case, however a client or a label writes them', () => {
    const of = (identityId: object | string) => ({ subject: 'identity', action: ['read'], conditions: { identityId } });
    const sent = projectRulesFrom([of('ABCD'), of({ $in: ['Ab', 'cd'], $ne: 'EF' }), of('{{identity.metadata.Of}}')]);
    expect(sent).toEqual([of('abcd'), of({ $in: ['ab', 'cd'], $ne: 'ef' }), of('{{identity.metadata.Of}}')]);
    expect(effectiveRules(sent.slice(2), { ...owner, labels: { Of: 'ABCD' } })).toEqual([of('abcd')]);
    const secret = { ...READ, conditions: { secretName: 'DB_URL' } };
    expect(projectRulesFrom([secret])).toEqual([secret]);
  });
});
