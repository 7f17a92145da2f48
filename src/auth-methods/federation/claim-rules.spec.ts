import * as fc from 'fast-check';
import { ClaimPattern } from './claim-pattern';
import {
  type ClaimRules,
  claimAt,
  entriesOf,
  faultOfPattern,
  faultOfPatterns,
  isBinding,
  mismatchOf,
  normalList,
} from './claim-rules';
import { Effort } from './effort';

const matches = (pattern: string, value: string) => ClaimPattern.parse(pattern)!.matches(value);

describe('a pattern', () => {
  it.each([
    ['repo:org/app:ref:refs/heads/main', 'repo:org/app:ref:refs/heads/main', true],
    ['repo:org/*', 'repo:org/app:ref:refs/heads/main', true],
    ['repo:org/app:*', 'repo:org/app:ref:refs/heads/main', true],
    ['repo:org/app:*', 'repo:org/app2:ref:refs/heads/main', false],
    ['repo:org/*', 'repo:organisation/app', false],
    ['*', 'a/b', true],
    ['*', '', true],
    ['org/**', 'org/.github/x', true],
    ['*', '.hidden', true],
    ['*:main', 'repo:main:evil', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['pro?', 'prod', true],
    ['pro?', 'pro', false],
    ['?', '😀', true],
    ['prod-{eu,us}', 'prod-us', true],
    ['prod-{eu,us}', 'prod-{eu,us}', false],
    ['{a,b{c,d}}-x', 'bd-x', true],
    ['{a,}x', 'x', true],
    ['{*,x}/main', 'y/main', true],
    ['prod-{eu', 'prod-{eu', true],
    ['prod-{eu}', 'prod-{eu}', true],
    ['\\{a,b\\}', '{a,b}', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['back\\slash', 'back\\slash', true],
    ['!prod', 'test', false],
    ['[xyz]', 'x', false],
    ['foo(bar|baz)', 'foobar', false],
    ['a.c', 'abc', false],
    ['abc', 'AbC', false],
    ['abc', 'abc\n', false],
    ['', '', true],
    ['', 'x', false],
  ])('%j and %j: %s', (pattern, value, expected) => {
    expect(matches(pattern, value)).toBe(expected);
  });

  it('without wildcards is equality, whatever it is made of', () => {
    const plain = fc.string().filter((text) => !/[*?{}\\]/.test(text));
    fc.assert(
      fc.property(
        plain,
        fc.string(),
        (text, other) => matches(text, text) && matches(text, other) === (text === other),
      ),
    );
  });

  it('of any text is that text when everything in it is escaped', () => {
    const escaped = (text: string) => text.replace(/[*?{},\\]/g, '\\$&');
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        (text, other) => matches(escaped(text), text) && matches(escaped(text), other) === (text === other),
      ),
    );
  });

  it('means what a regular expression of the same wildcards means', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 12 });
    const values = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 12 });
    fc.assert(
      fc.property(letters, values, (pattern, value) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
        return matches(pattern, value) === expression.test(value);
      }),
    );
  });

  it.each<[string, string, number]>([
    ['*a'.repeat(500) + 'b', 'a'.repeat(2_048), 60_000],
    ['*'.repeat(1_024), 'a'.repeat(2_048), 10_000],
    [`*${'a'.repeat(1_000)}b*`, 'a'.repeat(2_048), 1_100_000],
    ['{'.repeat(1_024), '{'.repeat(1_024), 4_000],
    [`${'{a,'.repeat(60)}b${'}'.repeat(60)}`, 'c', 5_000],
  ])('is compared in a number of steps that is known: %j', (pattern, value, most) => {
    const effort = new Effort(Infinity);
    ClaimPattern.parse(pattern, effort)!.matches(value, effort);
    expect(effort.spent).toBeLessThan(most);
  });

  it('is compared with no text that is too long, and stands for few texts', () => {
    expect(matches('*', 'a'.repeat(2_049))).toBe(false);
    expect(matches('a'.repeat(1_024), 'a'.repeat(1_024))).toBe(true);
    for (const many of [
      '{a,b}'.repeat(40),
      `{${'{a,b},'.repeat(150)}}`,
      '{a,b}'.repeat(6) + '{a,b}',
      '{,}'.repeat(341),
    ]) {
      expect(ClaimPattern.parse(many)).toBeUndefined();
    }
    expect(ClaimPattern.parse('{a,b}'.repeat(6))).toMatchObject({ length: 6 * 64 });
    expect(ClaimPattern.parse('x'.repeat(1_025))).toBeUndefined();
  });

  it('has the length of all texts that its braces stand for', () => {
    const patterns = fc.string({ unit: fc.constantFrom('a', '{', ',', '}', '*', '\\'), maxLength: 16 });
    fc.assert(
      fc.property(patterns, (pattern) => {
        const parsed = ClaimPattern.parse(pattern) as unknown as { alternatives: unknown[][][]; length: number };
        const lengths = parsed.alternatives.map((parts) => parts.flat().length + parts.length - 1);
        return lengths.reduce((sum, length) => sum + length, 0) === parsed.length;
      }),
    );
  });
});

describe('the rules of one configuration', () => {
  const long = `*${'a'.repeat(60)}b*`;
  const claims = { c: Array.from({ length: 6 }, () => 'a'.repeat(2_000)), sub: 'a', aud: 'a' };
  const rules = (patterns: number): ClaimRules => ({
    ...{ boundIssuer: '', boundSubject: '', boundAudiences: '' },
    boundClaims: { c: Array(patterns).fill(long).join(', ') },
  });

  it('take a million steps at most, however many and long they and the claims are: then nothing matches', () => {
    const effort = new Effort();
    expect(mismatchOf(claims, rules(5_000), effort)).toMatchObject({ rule: 'claim' });
    expect(effort.spent).toBeLessThan(1_000_000 + 10_000);
    expect(
      mismatchOf({ c: 'x' }, { ...rules(5_000), boundClaims: { c: `${rules(20_000).boundClaims.c}, x` } }),
    ).toBeDefined();
    expect(
      mismatchOf({ c: 'x' }, { ...rules(0), boundClaims: { c: `${rules(200).boundClaims.c}, x` } }),
    ).toBeUndefined();
  });

  it('stand for a number of characters that is bounded', () => {
    expect(faultOfPatterns(Array<string>(260).fill(long))).toBeUndefined();
    expect(faultOfPatterns(Array<string>(261).fill(long))).toContain('16384 characters');
    expect(faultOfPatterns(Array<string>(43).fill('{a,b}'.repeat(6)))).toContain('16384 characters');
  });
});

describe('a list of patterns', () => {
  it.each([
    ['a, b ,,c', ['a', 'b', 'c']],
    ['prod-{eu,us},x', ['prod-{eu,us}', 'x']],
    ['{a,{b,c}},d', ['{a,{b,c}}', 'd']],
    ['{a,b', ['{a', 'b']],
    ['a},b', ['a}', 'b']],
    ['\\{a,b}', ['\\{a', 'b}']],
    ['', []],
    [' , ', []],
  ])('%j has the entries %j', (list, entries) => {
    expect(entriesOf(list)).toEqual(entries);
  });

  it('is stored with a comma and a blank between its entries, and stays so', () => {
    expect(normalList(' a,b ,{c,d}')).toBe('a, b, {c,d}');
    fc.assert(fc.property(fc.string(), (list) => normalList(normalList(list)) === normalList(list)));
  });

  it('has faults that are named', () => {
    expect(faultOfPattern('repo:org/*')).toBeUndefined();
    expect(faultOfPattern('x'.repeat(1_025))).toContain('1024 characters');
    expect(faultOfPattern('!prod')).toContain('must not begin with !');
    expect(faultOfPattern('{a,b}'.repeat(7))).toContain('too many alternatives');
  });
});

describe('a claim', () => {
  const claims = {
    sub: 's',
    deep: { er: { est: 1 }, list: [{ x: 1 }] },
    'https://x.test/role': 'a',
    'a.b': 'exact',
    a: { b: 'path' },
  };

  it.each([
    ['sub', 's'],
    ['deep.er.est', 1],
    ['https://x.test/role', 'a'],
    ['a.b', 'exact'],
    ['deep.list.0', undefined],
    ['deep.list.length', undefined],
    ['sub.length', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['deep.constructor.name', undefined],
    ['deep..er', undefined],
    ['', undefined],
  ])('%j is %j', (path, value) => {
    expect(claimAt(claims, path)).toBe(value);
  });
});

describe('the rules for claims', () => {
  const rules = (more: Partial<ClaimRules>): ClaimRules => ({
    ...{ boundIssuer: '', boundSubject: '', boundAudiences: '', boundClaims: {} },
    ...more,
  });
  const at = (rule: string, claim: string, isMissing = false) => ({ rule, claim, isMissing });

  it('that bind nothing find nothing amiss', () => {
    expect(mismatchOf({}, rules({}))).toBeUndefined();
  });

  it('compare the issuer as it is', () => {
    expect(mismatchOf({ iss: 'https://x' }, rules({ boundIssuer: 'https://x' }))).toBeUndefined();
    for (const iss of ['https://x/', undefined, ['https://x'], 'https://X']) {
      expect(mismatchOf({ iss }, rules({ boundIssuer: 'https://x' }))).toEqual(at('issuer', 'iss'));
    }
    expect(mismatchOf({ iss: 'abc' }, rules({ boundIssuer: '*' }))).toEqual(at('issuer', 'iss'));
  });

  it('take the subject for one pattern, not for a list', () => {
    const bound = rules({ boundSubject: 'repo:org/app:*' });
    expect(mismatchOf({ sub: 'repo:org/app:main' }, bound)).toBeUndefined();
    expect(mismatchOf({ sub: 'repo:org/evil' }, bound)).toEqual(at('subject', 'sub'));
    expect(mismatchOf({}, bound)).toEqual(at('subject', 'sub', true));
    expect(mismatchOf({ sub: 'a' }, rules({ boundSubject: 'a, b' }))).toEqual(at('subject', 'sub'));
  });

  it('ask for one of the audiences, of a token that names one or several', () => {
    const bound = rules({ boundAudiences: 'latchkey, {eu,us}.latchkey' });
    expect(mismatchOf({ aud: 'us.latchkey' }, bound)).toBeUndefined();
    expect(mismatchOf({ aud: ['other', 'latchkey'] }, bound)).toBeUndefined();
    expect(mismatchOf({ aud: ['other'] }, bound)).toEqual(at('audience', 'aud'));
    for (const aud of [undefined, [], null, {}])
      expect(mismatchOf({ aud }, bound)).toEqual(at('audience', 'aud', true));
  });

  it.each([
    [true, 'true'],
    [false, 'false'],
    [0, '0'],
    [12, '12'],
    [1.5, '1.5'],
    ['', '*'],
    [['x', 12], '12'],
  ])('compare claims as text: %j is %j', (value, list) => {
    expect(mismatchOf({ c: value }, rules({ boundClaims: { c: list } }))).toBeUndefined();
  });

  it.each([
    [12, '12abc'],
    [12, '012'],
    [2 ** 60, '*'],
    [[2 ** 60], String(2 ** 60)],
    [{}, '*'],
    [[{}], '*'],
    [null, '*'],
  ])('do not parse numbers, and see no text in what has none: %j is not %j', (value, list) => {
    expect(mismatchOf({ c: value }, rules({ boundClaims: { c: list } }))).toMatchObject({ rule: 'claim', claim: 'c' });
  });

  it('must all hold, and the first that does not is named', () => {
    const bound = rules({ boundClaims: { ref: 'main', 'k8s.ns': 'prod, stage' } });
    expect(mismatchOf({ ref: 'main', k8s: { ns: 'stage' } }, bound)).toBeUndefined();
    expect(mismatchOf({ ref: 'main', k8s: { ns: 'dev' } }, bound)).toEqual(at('claim', 'k8s.ns'));
    expect(mismatchOf({ k8s: { ns: 'dev' } }, bound)).toEqual(at('claim', 'ref', true));
  });

  it('bind something only where they tell tokens of one issuer apart', () => {
    const claims: Record<string, string> = { iss: 'x', c: 'a, b' };
    for (const binding of [{ boundSubject: 's' }, { boundAudiences: 'a' }, { boundClaims: claims }]) {
      expect(isBinding(rules(binding))).toBe(true);
    }
    const loose: Partial<ClaimRules>[] = [
      {},
      { boundIssuer: 'https://x' },
      { boundSubject: '*' },
      { boundSubject: '?*' },
      { boundAudiences: 'a, **' },
      { boundClaims: { c: '{x,*}' } },
      { boundClaims: { c: '' } },
      { boundClaims: { iss: 'https://x' } },
      { boundClaims: { iss: 'https://x', exp: '1*, 2*', iat: '1*', nbf: '1*', jti: '*-*' } },
      { boundClaims: { c: 'a*, {?,b}' } },
    ];
    for (const one of loose) {
      expect([one, isBinding(rules(one))]).toEqual([one, false]);
    }
  });
});
