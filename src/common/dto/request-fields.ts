import { applyDecorators } from '@nestjs/common';
import { Transform, Type } from 'class-transformer';
import { ValidateNested } from 'class-validator';
import { cutTo, listCut, objectCut } from './cut';
import { MAX_SECONDS } from './limits';
import {
  atLeast,
  atMost,
  field,
  type FieldOptions,
  isArray,
  isBoolean,
  isInteger,
  isNumber,
  isOneOf,
  isStorable,
  isString,
  isTime,
  isWhole,
  lengthBetween,
  matches,
  ofType,
  type Rule,
  Trimmed,
} from './rules';

/** The largest use limit: what a PostgreSQL integer holds. */
export const MAX_COUNT = 2_147_483_647;

// eslint-disable-next-line no-control-regex -- control characters are exactly what must not be in a name
const CONTROL = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;
const nameRules: Rule[] = [
  isString,
  ...lengthBetween(1, 255),
  matches(CONTROL, 'String must not contain control characters'),
  isStorable,
];

/** A name as people give them: trimmed, 1 to 255 characters, no control characters (decisions 13). */
export function Name(options: FieldOptions): PropertyDecorator {
  return applyDecorators(Trimmed(), field(nameRules, options, { type: String, minLength: 1, maxLength: 255 }));
}

/** Text that is kept or compared exactly as it was sent. */
export function Text(options: FieldOptions & { max: number; min?: number; format?: string }): PropertyDecorator {
  const { min = 1, max, format } = options;
  const rules = [isString, ...lengthBetween(min, max), isStorable];
  return field(rules, options, { type: String, minLength: min, maxLength: max, ...(format ? { format } : {}) });
}

/** Like `Text`, but white space at both ends does not count. */
export function TrimmedText(options: FieldOptions & { max: number; min?: number }): PropertyDecorator {
  return applyDecorators(Trimmed(), Text(options));
}

/** Text that may be empty, white space at both ends not counted. */
export function Description(options: FieldOptions & { max: number }): PropertyDecorator {
  return TrimmedText({ ...options, min: 0 });
}

/**
 * The slug of an organization. It has no example: only the caller's own slug is accepted, and a form would fill in another one.
 */
export function OrganizationSlug(): PropertyDecorator {
  return field(
    [isString, ...lengthBetween(1, 64), matches(/^[A-Za-z0-9_-]+$/, 'Expected letters, digits, _ or -')],
    {
      description: 'The organization of the token. Only the slug of your own organization is accepted.',
      optional: true,
    },
    { type: String, minLength: 1, maxLength: 64 },
  );
}

/** A whole number within bounds. `"12"` and `1.5` are refused. */
export function Integer(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  const { min, max } = options;
  const rules = [isNumber, isInteger, atLeast(min), atMost(max)];
  return field(rules, options, { type: 'integer', minimum: min, maximum: max });
}

/** A duration in whole seconds, 0 to ten years. */
export function Seconds(options: FieldOptions): PropertyDecorator {
  return Integer({ ...options, min: 0, max: MAX_SECONDS });
}

/** A count of uses or attempts; 0 means no limit. */
export function Count(options: FieldOptions): PropertyDecorator {
  return Integer({ ...options, min: 0, max: MAX_COUNT });
}

/** True or false. */
export function Flag(options: FieldOptions): PropertyDecorator {
  return field([isBoolean], options, { type: Boolean });
}

/** One of a few texts. */
export function OneOf(values: readonly string[], options: FieldOptions): PropertyDecorator {
  return field([isString, isOneOf(values)], options, { type: String, enum: [...values] });
}

/** Where the document finds the choices of a query parameter, because Nest loses their `enum`. */
export const CHOICES = 'x-choices';

export function QueryOneOf(values: readonly string[], options: FieldOptions): PropertyDecorator {
  const api = { type: String, [CHOICES]: [...values] };
  return field([isString, isOneOf(values)], { ...options, optional: true }, api);
}

/** A whole number in a query string, where everything is text. */
export function QueryInteger(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  const { min, max } = options;
  const api = { type: 'integer', minimum: min, maximum: max } as const;
  return applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value,
    ),
    field([isWhole(min, max), atLeast(min), atMost(max)], { ...options, optional: true }, api),
  );
}

/** A time in a query string. */
export function QueryTime(options: FieldOptions): PropertyDecorator {
  return field([isTime], { ...options, optional: true }, { type: String, format: 'date-time' });
}

/** A list of objects of one class, each validated by its own rules. */
export function ListOf(
  item: new () => object,
  options: FieldOptions & { min: number; max: number },
): PropertyDecorator {
  const { min, max } = options;
  const size: Rule[] = [
    {
      name: 'minItems',
      code: 'too_small',
      holds: (value) => (value as unknown[]).length >= min,
      message: () => `Array must contain at least ${min} element(s)`,
    },
    {
      name: 'maxItems',
      code: 'too_big',
      holds: (value) => (value as unknown[]).length <= max,
      message: () => `Array must contain at most ${max} element(s)`,
    },
  ];
  return applyDecorators(
    field(
      [isArray, ...size],
      options,
      { type: () => [item], minItems: min, maxItems: max },
      listCut(
        max,
        objectCut((entry) => cutTo(item, entry)),
      ),
    ),
    ValidateNested({ each: true }),
    Type(() => item),
    // class-validator looks through a list within the list, and accepts an empty one.
    Transform(({ value }: { value: unknown }) =>
      Array.isArray(value) ? value.map((entry: unknown) => (Array.isArray(entry) ? null : entry)) : value,
    ),
  );
}

/** One object of a class, validated by its own rules. */
export function ObjectOf(item: () => new () => object, options: FieldOptions): PropertyDecorator {
  const isObject = ofType('object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  const cut = objectCut((value) => cutTo(item(), value));
  return applyDecorators(field([isObject], options, { type: () => item() }, cut), ValidateNested(), Type(item));
}
