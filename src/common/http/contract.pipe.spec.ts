import 'reflect-metadata';
import { type Type, ValidationPipe } from '@nestjs/common';
import fc from 'fast-check';
import {
  Flag,
  Integer,
  ListOf,
  MAX_COUNT,
  Name,
  ObjectOf,
  OneOf,
  QueryInteger,
  Text,
  TrimmedText,
} from '../dto/request-fields';
import { ValidationFailureError, type ValidationIssue } from '../errors/common.errors';
import { ContractPipe } from './contract.pipe';

class LabelDto {
  @Name({ description: 'key' })
  key!: string;
}

class ThingDto {
  @Name({ description: 'name' })
  name!: string;

  @Name({ description: 'nickname', optional: true })
  nickname?: string;

  @Integer({ description: 'count', optional: true, min: 0, max: MAX_COUNT })
  count?: number;

  @Flag({ description: 'flag', optional: true })
  flag?: boolean;

  @OneOf(['asc', 'desc'], { description: 'direction', optional: true })
  direction?: string;

  @TrimmedText({ description: 'text', optional: true, max: 10 })
  text?: string;

  @Text({ description: 'password', optional: true, max: 10 })
  password?: string;

  @ListOf(LabelDto, { description: 'labels', optional: true, min: 1, max: 2 })
  labels?: LabelDto[];

  @ObjectOf(() => LabelDto, { description: 'label', optional: true })
  label?: LabelDto;
}

class QueryDto {
  @QueryInteger({ description: 'limit', min: 1, max: 100 })
  limit?: number;
}

const pipe = new ContractPipe();

function read<T extends object>(value: unknown, metatype: Type<T>, type: 'body' | 'query' = 'body'): Promise<T> {
  return pipe.transform(value, { type, metatype }) as Promise<T>;
}

async function issuesOf(value: unknown, metatype: Type<object> = ThingDto, type: 'body' | 'query' = 'body') {
  const refusal: unknown = await read(value, metatype, type).then(
    (accepted) => new Error(`Accepted: ${JSON.stringify(accepted)}`),
    (error: unknown) => error,
  );
  if (!(refusal instanceof ValidationFailureError)) throw refusal;
  return (refusal.getResponse() as { message: ValidationIssue[] }).message.map(
    ({ code, path, message }): [string, (string | number)[], string] => [code, path, message],
  );
}

const bodyOf = (fields: object) => ({ name: 'n', ...fields });
const STORABLE = 'String must not contain NUL or lone surrogates';
const CONTROL = 'String must not contain control characters';

describe('what a body is told', () => {
  it.each([
    ['nothing at all', {}, 'invalid_type', ['name'], 'Required'],
    ['null for a name', { name: null }, 'invalid_type', ['name'], 'Expected string, received null'],
    ['a number for a name', { name: 1 }, 'invalid_type', ['name'], 'Expected string, received number'],
    ['a list for a name', { name: ['n'] }, 'invalid_type', ['name'], 'Expected string, received array'],
    ['an object for a name', { name: {} }, 'invalid_type', ['name'], 'Expected string, received object'],
    ['an empty name', { name: '' }, 'too_small', ['name'], 'String must contain at least 1 character(s)'],
    ['a blank name', { name: ' \t\n' }, 'too_small', ['name'], 'String must contain at least 1 character(s)'],
    ['256 letters', { name: 'x'.repeat(256) }, 'too_big', ['name'], 'String must contain at most 255 character(s)'],
    ['NUL in a name', { name: 'a\0b' }, 'invalid_string', ['name'], CONTROL],
    ['a line break in a name', { name: 'a\nb' }, 'invalid_string', ['name'], CONTROL],
    ['a C1 control in a name', { name: 'a\u0085b' }, 'invalid_string', ['name'], CONTROL],
    ['a line separator in a name', { name: 'a\u2028b' }, 'invalid_string', ['name'], CONTROL],
    ['an escape in a name', { name: 'a\u001b[31mb' }, 'invalid_string', ['name'], CONTROL],
    ['half a pair in a name', { name: 'a\ud83d' }, 'invalid_string', ['name'], STORABLE],
    ['a pair the wrong way round', { name: '\ude00\ud83d' }, 'invalid_string', ['name'], STORABLE],
    [
      'null where absent is allowed',
      bodyOf({ nickname: null }),
      'invalid_type',
      ['nickname'],
      'Expected string, received null',
    ],
    ['digits for a number', bodyOf({ count: '12' }), 'invalid_type', ['count'], 'Expected number, received string'],
    ['null for a number', bodyOf({ count: null }), 'invalid_type', ['count'], 'Expected number, received null'],
    ['true for a number', bodyOf({ count: true }), 'invalid_type', ['count'], 'Expected number, received boolean'],
    ['half a number', bodyOf({ count: 1.5 }), 'invalid_type', ['count'], 'Expected integer, received float'],
    ['NaN', bodyOf({ count: NaN }), 'invalid_type', ['count'], 'Expected number, received number'],
    ['infinity', bodyOf({ count: Infinity }), 'invalid_type', ['count'], 'Expected integer, received float'],
    ['less than nothing', bodyOf({ count: -1 }), 'too_small', ['count'], 'Number must be greater than or equal to 0'],
    ['2^31', bodyOf({ count: 2 ** 31 }), 'too_big', ['count'], 'Number must be less than or equal to 2147483647'],
    ['2^53', bodyOf({ count: 2 ** 53 }), 'too_big', ['count'], 'Number must be less than or equal to 2147483647'],
    ['a word for a flag', bodyOf({ flag: 'true' }), 'invalid_type', ['flag'], 'Expected boolean, received string'],
    ['1 for a flag', bodyOf({ flag: 1 }), 'invalid_type', ['flag'], 'Expected boolean, received number'],
    ['another choice', bodyOf({ direction: 'ASC' }), 'invalid_string', ['direction'], "Expected 'asc' | 'desc'"],
    ['NUL in a text', bodyOf({ text: 'a\0' }), 'invalid_string', ['text'], STORABLE],
    ['NUL in a password', bodyOf({ password: '\0' }), 'invalid_string', ['password'], STORABLE],
    [
      'eleven of ten',
      bodyOf({ text: 'x'.repeat(11) }),
      'too_big',
      ['text'],
      'String must contain at most 10 character(s)',
    ],
    ['an object for a list', bodyOf({ labels: {} }), 'invalid_type', ['labels'], 'Expected array, received object'],
    ['a text for a list', bodyOf({ labels: 'ab' }), 'invalid_type', ['labels'], 'Expected array, received string'],
    ['null for a list', bodyOf({ labels: null }), 'invalid_type', ['labels'], 'Expected array, received null'],
    ['a list of none', bodyOf({ labels: [] }), 'too_small', ['labels'], 'Array must contain at least 1 element(s)'],
    [
      'a list of three of two',
      bodyOf({ labels: [{ key: 'a' }, { key: 'b' }, { key: 'c' }] }),
      'too_big',
      ['labels'],
      'Array must contain at most 2 element(s)',
    ],
    ['an item without its key', bodyOf({ labels: [{}] }), 'invalid_type', ['labels', 0, 'key'], 'Required'],
    [
      'the second item being wrong',
      bodyOf({ labels: [{ key: 'a' }, { key: 1 }] }),
      'invalid_type',
      ['labels', 1, 'key'],
      'Expected string, received number',
    ],
    ['a list for an object', bodyOf({ label: [] }), 'invalid_type', ['label'], 'Expected object, received array'],
    ['null for an object', bodyOf({ label: null }), 'invalid_type', ['label'], 'Expected object, received null'],
    ['an object without its key', bodyOf({ label: {} }), 'invalid_type', ['label', 'key'], 'Required'],
  ])('%s', async (_, body, code, path, message) => {
    expect(await issuesOf(body)).toEqual([[code, path, message]]);
  });

  it.each([
    ['a text', [1]],
    ['a number', [1]],
    ['null', [null]],
    ['a list', [[]]],
  ])('that holds %s where an object of a list belongs, is refused at a path into the list', async (_, labels) => {
    const [issue] = await issuesOf(bodyOf({ labels }));
    expect(issue?.[0]).toBe('invalid_type');
    expect(issue?.[1][0]).toBe('labels');
  });

  it('names every field at fault at once', async () => {
    expect(await issuesOf({ count: 'x', flag: 0, labels: [{ key: '' }, {}] })).toEqual([
      ['invalid_type', ['name'], 'Required'],
      ['invalid_type', ['count'], 'Expected number, received string'],
      ['invalid_type', ['flag'], 'Expected boolean, received number'],
      ['too_small', ['labels', 0, 'key'], 'String must contain at least 1 character(s)'],
      ['invalid_type', ['labels', 1, 'key'], 'Required'],
    ]);
  });

  it.each([
    [null, 'null'],
    [[], 'array'],
    [[{ name: 'n' }], 'array'],
    ['{"name":"n"}', 'string'],
    [12, 'number'],
    [true, 'boolean'],
  ])('%j for a whole body is refused as such', async (body, received) => {
    expect(await issuesOf(body)).toEqual([['invalid_type', [], `Expected object, received ${received}`]]);
  });

  it('never quotes what was sent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (value) => {
        const secret = 'tell-nobody-7f3a';
        const refusal: unknown = await read({ name: { secret }, text: secret, count: value }, ThingDto).catch(
          (e: unknown) => e,
        );
        expect(refusal).toBeInstanceOf(ValidationFailureError);
        expect(JSON.stringify((refusal as ValidationFailureError).getResponse())).not.toContain(secret);
      }),
    );
  });
});

describe('what a body becomes', () => {
  it('keeps what is known, drops what is not, and trims names and texts but no password', async () => {
    const body = { name: ' n ', text: ' t ', password: ' p ', other: 1, labels: [{ key: ' k ', other: 2 }] };
    expect(await read(body, ThingDto)).toEqual({ name: 'n', text: 't', password: ' p ', labels: [{ key: 'k' }] });
  });

  it.each([
    'deployer',
    'Ünï-çødé',
    '部署者',
    'مُوَزِّع',
    '👩‍🚀 rocket',
    'x'.repeat(255),
    "O'Brien; DROP TABLE",
    '$1 %s {{x}}',
  ])('keeps the name %j as it is', async (name) => {
    expect(await read({ name }, ThingDto)).toEqual({ name });
  });

  it('accepts a name when, and only when, what is left after trimming is 1 to 255 storable characters', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (name) => {
        const trimmed = name.trim();
        const isGood =
          trimmed.length >= 1 &&
          trimmed.length <= 255 &&
          !/[\p{Cc}\u2028\u2029]/u.test(trimmed) &&
          !/\p{Surrogate}/u.test(trimmed);
        const accepted = await read({ name }, ThingDto).then(
          (thing) => thing.name === trimmed,
          () => false,
        );
        expect(accepted).toBe(isGood);
      }),
    );
  });

  it.each(['{"name":"n","__proto__":{"polluted":1}}', '{"name":"n","constructor":{"prototype":{"polluted":1}}}'])(
    'is not changed by %s, nor is any other object',
    async (text) => {
      const thing = await read<ThingDto & { polluted?: number }>(JSON.parse(text), ThingDto);
      expect(thing.name).toBe('n');
      expect(thing.polluted).toBeUndefined();
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    },
  );

  it.each([
    '{"__proto__":{"name":"n"}}',
    '{"constructor":{"name":"n"}}',
    '{"constructor":"n"}',
    '{"toString":1,"hasOwnProperty":1}',
  ])('is still validated when it is %s', async (text) => {
    expect(await issuesOf(JSON.parse(text))).toEqual([['invalid_type', ['name'], 'Required']]);
  });

  it('is either refused as invalid input or made of its known fields, whatever is sent', async () => {
    const values = fc.oneof(
      fc.jsonValue(),
      fc.record({ name: fc.jsonValue(), labels: fc.jsonValue(), label: fc.jsonValue() }),
    );
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const result: unknown = await read(value, ThingDto).catch((error: unknown) => error);
        if (result instanceof ThingDto) expect(typeof result.name).toBe('string');
        else expect(result).toBeInstanceOf(ValidationFailureError);
      }),
    );
  });
});

describe('cutting a body down to its fields first', () => {
  // What the pipe would say without it.
  const uncut = (value: object) =>
    ValidationPipe.prototype.transform.call(pipe, value, { type: 'body', metatype: ThingDto }) as Promise<unknown>;
  const outcome = (work: Promise<unknown>): Promise<unknown> =>
    work.catch((error: unknown) => (error as ValidationFailureError).getResponse());

  it('changes no outcome, whatever is sent', async () => {
    const label = fc.oneof(fc.record({ key: fc.oneof(fc.jsonValue(), fc.constant('k')) }), fc.jsonValue());
    const fields = fc.record(
      {
        name: fc.oneof(fc.constant('n'), fc.jsonValue()),
        count: fc.oneof(fc.integer(), fc.jsonValue()),
        direction: fc.oneof(fc.constant('asc'), fc.jsonValue()),
        labels: fc.oneof(fc.array(label, { maxLength: 3 }), fc.jsonValue()),
        label,
        unknown: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fields, async (value) => {
        expect(await outcome(read(value, ThingDto))).toEqual(await outcome(uncut(value)));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['an unknown list', (deep: unknown) => bodyOf({ unknown: deep }), undefined],
    ['a list for a text', (deep: unknown) => bodyOf({ text: deep }), 'text'],
    ['a list in a list', (deep: unknown) => bodyOf({ labels: [deep] }), 'labels'],
    ['a list in an object', (deep: unknown) => bodyOf({ label: { key: deep } }), 'label'],
  ])('lets no depth through: %s', async (_, fieldsWith, field) => {
    const deep: unknown = JSON.parse(`${'['.repeat(40_000)}${']'.repeat(40_000)}`);
    const value = fieldsWith(deep);
    await expect(uncut(value)).rejects.toThrow(RangeError);
    if (field === undefined) expect({ ...(await read(value, ThingDto)) }).toEqual({ name: 'n' });
    else expect((await issuesOf(value))[0]?.[1][0]).toBe(field);
  });

  it('keeps one item too many of a list, for the rule that counts them', async () => {
    const labels = Array.from({ length: 50_000 }, () => ({ key: 'k' }));
    expect(await issuesOf(bodyOf({ labels }))).toEqual([
      ['too_big', ['labels'], 'Array must contain at most 2 element(s)'],
    ]);
  });
});

describe('what a query becomes', () => {
  it.each([
    ['1', 1],
    ['100', 100],
    ['007', 7],
    [undefined, undefined],
  ])('limit=%s is %s', async (limit, expected) => {
    expect((await read({ limit }, QueryDto, 'query')).limit).toBe(expected);
  });

  it.each([
    ['', 'invalid_type'],
    ['abc', 'invalid_type'],
    ['1.5', 'invalid_type'],
    ['1e1', 'invalid_type'],
    ['0x10', 'invalid_type'],
    [' 1', 'invalid_type'],
    ['+1', 'invalid_type'],
    ['NaN', 'invalid_type'],
    ['Infinity', 'invalid_type'],
    [['1', '2'], 'invalid_type'],
    [{ a: '1' }, 'invalid_type'],
    ['0', 'too_small'],
    ['-1', 'too_small'],
    ['101', 'too_big'],
    ['9'.repeat(30), 'too_big'],
  ])('limit=%j is refused with %s', async (limit, code) => {
    expect(await issuesOf({ limit }, QueryDto, 'query')).toEqual([[code, ['limit'], expect.any(String)]]);
  });
});
