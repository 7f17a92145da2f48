import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ValidateBy, ValidateIf } from 'class-validator';
import type { IssueCode } from '../errors/common.errors';
import { type Cut, CutBy, emptied } from './cut';

/** One thing that a value must be. Rules are checked in order; the caller is told the first that does not hold. */
export interface Rule {
  readonly name: string;
  readonly code: IssueCode;
  readonly holds: (value: unknown) => boolean;
  readonly message: (value: unknown) => string;
  /** The place in the value that the rule refuses, if that is not the whole value. */
  readonly place?: (value: unknown) => (string | number)[];
}

/** The options that every field of a body has. */
export interface FieldOptions {
  /** Whether the field may be absent. Null is a value, and refused like any other value of the wrong type. */
  readonly optional?: boolean;
  /** Whether null is accepted: it clears an optional setting (decision 27). */
  readonly nullable?: boolean;
  readonly description: string;
  readonly example?: unknown;
}

export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

export function ofType(expected: string, holds: (value: unknown) => boolean): Rule {
  return {
    name: 'type',
    code: 'invalid_type',
    holds,
    message: (value) => (value === undefined ? 'Required' : `Expected ${expected}, received ${typeName(value)}`),
  };
}

export const isString = ofType('string', (value) => typeof value === 'string');
export const isBoolean = ofType('boolean', (value) => typeof value === 'boolean');
export const isArray = ofType('array', (value) => Array.isArray(value));
export const isNumber = ofType('number', (value) => typeof value === 'number' && !Number.isNaN(value));

export const isInteger: Rule = {
  name: 'integer',
  code: 'invalid_type',
  holds: (value) => Number.isInteger(value),
  message: () => 'Expected integer, received float',
};

/** For text that is to be a number. */
export function isWhole(minimum: number, maximum: number): Rule {
  return { ...isInteger, message: () => `Expected a whole number from ${minimum} to ${maximum}` };
}

export function isOneOf(values: readonly string[]): Rule {
  return {
    name: 'pattern',
    code: 'invalid_string',
    holds: (value) => values.includes(value as string),
    message: () => `Expected ${values.map((value) => `'${value}'`).join(' | ')}`,
  };
}

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A time by ISO 8601, with its offset, or a day. JavaScript takes 30 February for 2 March: such a day is refused. */
export const isTime: Rule = {
  name: 'time',
  code: 'invalid_string',
  holds: (value) =>
    typeof value === 'string' &&
    TIME.test(value) &&
    !Number.isNaN(Date.parse(value)) &&
    Number(value.slice(8, 10)) <=
      new Date(Date.UTC(Number(value.slice(0, 4)), Number(value.slice(5, 7)), 0)).getUTCDate(),
  message: () => 'Expected a time such as 2026-11-01T00:00:00Z',
};

export function atLeast(minimum: number): Rule {
  return {
    name: 'minimum',
    code: 'too_small',
    holds: (value) => (value as number) >= minimum,
    message: () => `Number must be greater than or equal to ${minimum}`,
  };
}

export function atMost(maximum: number): Rule {
  return {
    name: 'maximum',
    code: 'too_big',
    holds: (value) => (value as number) <= maximum,
    message: () => `Number must be less than or equal to ${maximum}`,
  };
}

export function lengthBetween(minimum: number, maximum: number): Rule[] {
  return [
    {
      name: 'minLength',
      code: 'too_small',
      holds: (value) => (value as string).length >= minimum,
      message: () => `String must contain at least ${minimum} character(s)`,
    },
    {
      name: 'maxLength',
      code: 'too_big',
      holds: (value) => (value as string).length <= maximum,
      message: () => `String must contain at most ${maximum} character(s)`,
    },
  ];
}

export function matches(pattern: RegExp, message: string): Rule {
  return {
    name: 'pattern',
    code: 'invalid_string',
    holds: (value) => pattern.test(value as string),
    message: () => message,
  };
}

/** Text that is returned as it was sent: PostgreSQL cannot store NUL, and would store a lone surrogate as another character. */
export const isStorable: Rule = {
  name: 'storable',
  code: 'invalid_string',
  holds: (value) => !(value as string).includes('\0') && isWellFormed(value as string),
  message: () => 'String must not contain NUL or lone surrogates',
};

export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** A property with its rules and its documentation, from one place. `cut` is for properties that hold lists or objects. */
export function field(
  rules: readonly Rule[],
  options: FieldOptions,
  api: ApiPropertyOptions,
  cut: Cut = emptied,
): PropertyDecorator {
  const { optional = false, nullable = false, description, example } = options;
  const documented = {
    ...api,
    ...(nullable ? { nullable } : {}),
    description,
    required: !optional,
    ...(example === undefined ? {} : { example }),
  };
  return applyDecorators(
    CutBy(cut),
    ApiProperty(documented as ApiPropertyOptions),
    ...(optional ? [ValidateIf((_, value) => value !== undefined && !(nullable && value === null))] : []),
    ...rules.map(check),
  );
}

export function check(rule: Rule): PropertyDecorator {
  return ValidateBy(
    {
      name: rule.name,
      validator: {
        validate: (value) => rule.holds(value),
        defaultMessage: (args) => rule.message(args?.value),
      },
    },
    { context: { code: rule.code, place: rule.place } },
  );
}

/** Trims a text at both ends. The rules refuse anything else. */
export function Trimmed(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value));
}
