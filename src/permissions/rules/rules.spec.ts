import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { ValidationFailureError } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { missingFrom } from './coverage';
import { globOf, isMatchedBy, plain } from './glob';
import { type Conditions, packed, type Rule } from './rule';
import { rulesFrom } from './rule-input';
import { RuleSet } from './rule-set';
import { storedRules } from './stored-rules';
import { ORGANIZATION_SUBJECTS } from './subjects';

const SUBJECT = 'app-connections';
const TEXTS = ['a', 'b', 'ab', 'a/b', 'c'];
const GLOBS = ['*', '**', 'a*', '?', 'a/**', '*b', 'a?'];

const text = fc.constantFrom(...TEXTS);
const comparison = fc.oneof(
  text,
  fc
    .record(
      {
        $eq: text,
        $ne: text,
        $in: fc.array(text, { minLength: 1, maxLength: 3 }),
        $glob: fc.constantFrom(...GLOBS),
      },
      { requiredKeys: [] },
    )
    .filter((one) => Object.keys(one).length > 0),
);
const rule: fc.Arbitrary<Rule> = fc
  .record({
    action: fc.uniqueArray(fc.constantFrom('read', 'edit'), { minLength: 1 }),
    conditions: fc.option(comparison, { nil: undefined }),
    inverted: fc.boolean(),
  })
  .map(({ action, conditions, inverted }) => ({
    subject: SUBJECT,
    action,
    ...(conditions === undefined ? {} : { conditions: { connectionId: conditions } }),
    ...(inverted ? { inverted } : {}),
  }));
const rules = fc.array(rule, { maxLength: 6 });

/** Every value that the universe of these tests has; undefined: not known. */
const VALUES = [undefined, ...TEXTS, 'd', 'dd', 'ad', 'ddb', 'x/b', 'a/x', 'a/b/c', ''];

/** The same semantics, written again without a library: a regular expression for each pattern, and one look at each rule. */
function isAllowed(all: readonly Rule[], action: string, value: string | undefined): boolean {
  for (const one of [...all].reverse()) {
    if (!one.action.includes(action)) continue;
    const isMatch = one.conditions === undefined || (value !== undefined && holds(one.conditions, value));
    const isUnknown = one.conditions !== undefined && value === undefined;
    if (isMatch || (isUnknown && one.inverted)) return one.inverted !== true;
  }
  return false;
}

function holds({ connectionId }: Conditions, value: string): boolean {
  const { $eq, $ne, $in, $glob } = typeof connectionId === 'string' ? { $eq: connectionId } : connectionId!;
  const expression = ($glob ?? '**').replace(/\*\*|\*|\?/g, (one) => ({ '**': '.*', '*': '[^/]*', '?': '[^/]' })[one]!);
  return (
    ($eq === undefined || value === $eq) &&
    ($ne === undefined || value !== $ne) &&
    ($in === undefined || $in.includes(value)) &&
    new RegExp(`^${expression}$`, 's').test(value)
  );
}

const fieldsOf = (value: string | undefined) => (value === undefined ? {} : { connectionId: value });

describe('rules', () => {
  it('decide by the last one that matches, prohibitions included, as a plain search does', () => {
    fc.assert(
      fc.property(
        rules,
        fc.constantFrom('read', 'edit', 'delete'),
        fc.constantFrom(...VALUES),
        (all, action, value) => {
          expect(new RuleSet(all).allows(action, SUBJECT, fieldsOf(value))).toBe(isAllowed(all, action, value));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('know no word for every action or every subject, and no value that is not text', () => {
    const all = new RuleSet([
      { subject: 'all', action: ['manage'] },
      { subject: SUBJECT, action: ['manage'] },
      { subject: SUBJECT, action: ['edit'], conditions: { connectionId: { $ne: 'a' } } },
    ]);
    expect([all.allows('read', SUBJECT), all.allows('manage', 'identity'), all.allows('read', 'all')]).toEqual([
      false,
      false,
      false,
    ]);
    for (const connectionId of [undefined, null, 1, ['b'], {}]) {
      expect(all.allows('edit', SUBJECT, { connectionId })).toBe(false);
    }
    expect(all.allows('edit', SUBJECT, { connectionId: 'b' })).toBe(true);
    expect(all.allows('edit', SUBJECT, Object.create({ connectionId: 'b' }) as Record<string, string>)).toBe(false);
  });

  it('are stored packed and read back as they were, and what cannot be read is never skipped', () => {
    fc.assert(fc.property(rules, (all) => expect(storedRules(JSON.parse(JSON.stringify(packed(all))))).toEqual(all)));
    expect(packed([{ subject: 'identity', action: ['read', 'edit'] }])).toEqual([['read,edit', 'identity']]);
    expect(packed([{ subject: 'identity', action: ['read'], inverted: true }])).toEqual([['read', 'identity', 0, 1]]);
    const unreadable = [
      ...[null, {}, 'x', [null], ['read'], [['read']], [['read', '']], [['read', 'identity', 0, 2]]],
      ...[
        [['read', 'identity', 'x']],
        [['read', 'identity', { a: { $gt: '1' } }]],
        [['read', 'identity', 0, 0, 'name']],
      ],
    ];
    for (const value of unreadable) expect(() => storedRules(value)).toThrow(UnreadableValueError);
  });
});

describe('a proof that a holder covers rules', () => {
  const allowedBeyond = (holder: Rule[], target: Rule[]) =>
    ['read', 'edit'].filter((action) =>
      VALUES.some((value) => isAllowed(target, action, value) && !isAllowed(holder, action, value)),
    );

  it('is never given where one value is allowed beyond the holder', () => {
    fc.assert(
      fc.property(rules, rules, (holder, target) => {
        const missing = missingFrom(new RuleSet(holder), new RuleSet(target)).map(({ action }) => action);
        expect(missing).toEqual(expect.arrayContaining(allowedBeyond(holder, target)));
      }),
      { numRuns: 3_000 },
    );
  });

  it('is always given where no pattern is used and nothing is allowed beyond the holder', () => {
    const withoutGlobs = rules.filter((all) => !JSON.stringify(all).includes('$glob'));
    fc.assert(
      fc.property(withoutGlobs, withoutGlobs, (holder, target) => {
        const missing = missingFrom(new RuleSet(holder), new RuleSet(target)).map(({ action }) => action);
        expect([...new Set(missing)].sort()).toEqual(allowedBeyond(holder, target).sort());
      }),
      { numRuns: 3_000 },
    );
  });

  it('is given to each holder for its own rules, and for narrower patterns', () => {
    fc.assert(fc.property(rules, (all) => expect(missingFrom(new RuleSet(all), new RuleSet(all))).toEqual([])));
    const of = (...globs: string[]) =>
      new RuleSet(
        globs.map(($glob) => ({ subject: SUBJECT, action: ['read'], conditions: { connectionId: { $glob } } })),
      );
    expect(missingFrom(of('a/**'), of('a/b/*', 'a/?'))).toEqual([]);
    expect(missingFrom(of('a/*'), of('a/**'))).toEqual([
      { action: 'read', subject: SUBJECT, conditions: { connectionId: { $glob: 'a/**' } } },
    ]);
  });

  it('names each rule that is missing, and sees a dropped prohibition', () => {
    const prohibited: Rule = { subject: SUBJECT, action: ['edit'], conditions: { connectionId: 'a' }, inverted: true };
    const allowed: Rule = { subject: SUBJECT, action: ['read', 'edit'] };
    const holder = new RuleSet([allowed, prohibited]);
    expect(missingFrom(holder, new RuleSet([allowed]))).toEqual([{ action: 'edit', subject: SUBJECT }]);
    expect(missingFrom(holder, new RuleSet([prohibited, allowed]))).toEqual([{ action: 'edit', subject: SUBJECT }]);
    expect(missingFrom(holder, new RuleSet([allowed, prohibited]))).toEqual([]);
  });

  it('ends soon whatever the rules are: what is not proved by then is missing', () => {
    const many = (mark: string) => Array.from({ length: 100 }, (_, place) => `${mark}${place}`);
    const large = (inverted: boolean, mark: string): Rule[] =>
      many(mark).map((one) => ({
        subject: SUBJECT,
        action: ['read', 'create', 'edit', 'delete', 'connect'],
        conditions: { connectionId: { $in: many(one), ...(one.endsWith('7') ? { $glob: '*a*'.repeat(60) } : {}) } },
        inverted,
      }));
    const startedAt = performance.now();
    const missing = missingFrom(
      new RuleSet(large(false, 'x')),
      new RuleSet([...large(true, 'y'), ...large(false, 'z')]),
    );
    expect(missing.length).toBeGreaterThan(0);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe('a pattern', () => {
  it('matches what the same regular expression matches, in time that grows with both lengths', () => {
    const pattern = fc
      .array(fc.constantFrom('a', 'b', '/', '*', '**', '?'), { maxLength: 6 })
      .map((one) => one.join(''));
    const subject = fc.array(fc.constantFrom('a', 'b', '/', '*', '?'), { maxLength: 8 }).map((one) => one.join(''));
    fc.assert(
      fc.property(pattern, subject, (glob, value) => {
        const expression = glob.replace(/\*{2,}|\*|\?/g, (one) =>
          one === '*' ? '[^/]*' : one === '?' ? '[^/]' : '.*',
        );
        expect(isMatchedBy(plain(value), globOf(glob))).toBe(new RegExp(`^${expression}$`, 's').test(value));
      }),
      { numRuns: 3_000 },
    );
    // A search that tries again would not end here.
    const startedAt = performance.now();
    expect(isMatchedBy(plain('a'.repeat(5_000)), globOf(`${'*a'.repeat(100)}b`))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('lies within another one only where every text that it matches is matched by the other', () => {
    const pattern = fc.array(fc.constantFrom('a', '/', '*', '**', '?'), { maxLength: 5 }).map((one) => one.join(''));
    const subject = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 6 }).map((one) => one.join(''));
    fc.assert(
      fc.property(pattern, pattern, subject, (narrow, wide, value) => {
        if (!isMatchedBy(globOf(narrow), globOf(wide))) return;
        if (isMatchedBy(plain(value), globOf(narrow))) expect(isMatchedBy(plain(value), globOf(wide))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('rules that a client sends', () => {
  const issues = (...inputs: object[]) => {
    try {
      rulesFrom(inputs as never, ORGANIZATION_SUBJECTS);
    } catch (error) {
      if (error instanceof ValidationFailureError) return (error.getResponse() as { message: object[] }).message;
      throw error;
    }
    return [];
  };

  it('have each action once in a list, and no empty conditions', () => {
    const input = [
      { subject: 'identity', action: 'read', conditions: {}, inverted: false },
      { subject: 'identity', action: ['edit', 'edit'], inverted: true },
    ];
    expect(rulesFrom(input, ORGANIZATION_SUBJECTS)).toEqual([
      { subject: 'identity', action: ['read'] },
      { subject: 'identity', action: ['edit'], inverted: true },
    ]);
  });

  it('are refused with the unknown name, its place and what is allowed', () => {
    expect(issues({ subject: 'identity', action: ['read', 'fly'] }, { subject: 'identities', action: 'read' })).toEqual(
      [
        {
          code: 'invalid_string',
          path: ['permissions', 0, 'action', 1],
          message: `There is no action on identity 'fly'. Allowed are: ${ORGANIZATION_SUBJECTS.identity.join(', ')}`,
        },
        {
          code: 'invalid_string',
          path: ['permissions', 1, 'subject'],
          message: `There is no subject 'identities'. Allowed are: ${Object.keys(ORGANIZATION_SUBJECTS).join(', ')}`,
        },
      ],
    );
    for (const subject of ['all', 'constructor', '__proto__', 'secrets', 'organization', 'Identity', 'a'.repeat(64)]) {
      expect(issues({ subject, action: 'read' })).toHaveLength(1);
    }
    expect(issues({ subject: 'identity', action: 'manage' })).toHaveLength(1);
    expect(JSON.stringify(issues({ subject: 'x y <b>', action: 'read' }))).not.toContain('<b>');
  });

  it('take conditions only on fields and operators that there are, a bounded number of them', () => {
    const on = (conditions: object) => issues({ subject: SUBJECT, action: 'read', conditions });
    const texts = (count: number) => Array.from({ length: count }, (_, place) => `t${place}`);
    expect(on({ connectionId: 'a' })).toEqual([]);
    expect(on({ connectionId: { $in: texts(99), $ne: 'b' } })).toEqual([]);
    expect(on({ connectionId: { $in: texts(100), $ne: 'b' } })).toMatchObject([{ code: 'too_big' }]);
    expect(issues({ subject: 'identity', action: 'read', conditions: { identityId: 'a' } })).toMatchObject([
      { path: ['permissions', 0, 'conditions'], message: 'Rules on identity take no conditions' },
    ]);
    const refused = [
      ...[{ other: 'a' }, { connectionId: 1 }, { connectionId: null }, { connectionId: {} }, { connectionId: ['a'] }],
      ...[{ connectionId: { $gt: 'a' } }, { connectionId: { $eq: 1 } }, { connectionId: { $in: [] } }],
      ...[{ connectionId: { $in: [1] } }, { connectionId: { $in: 'a' } }, { connectionId: { $eq: 'a\0' } }],
      ...[{ connectionId: '' }, { connectionId: 'x'.repeat(256) }, { connectionId: { $glob: '{a,b}' } }],
      ...[{ connectionId: { $glob: '@(a|b)' } }, { connectionId: { $regex: 'a' } }],
    ];
    for (const conditions of refused) expect([conditions, on(conditions).length]).toEqual([conditions, 1]);
  });
});
