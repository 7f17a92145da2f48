import type { OpenAPIObject } from '@nestjs/swagger';
import type { CHOICES } from '../common/dto/request-fields';
import { SELDOM } from '../common/dto/response-fields';
import { isNumber, isOneOf, isString, isTime, isWhole, ofType, type Rule } from '../common/dto/rules';
import type { ValidationIssue } from '../common/errors/common.errors';

export interface Schema {
  readonly $ref?: string;
  readonly allOf?: Schema[];
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Record<string, Schema>;
  readonly required?: string[];
  readonly items?: Schema;
  enum?: string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly example?: unknown;
  readonly [SELDOM]?: true;
}

interface Media {
  readonly schema: Schema;
  example?: unknown;
}

interface Content {
  readonly content?: Record<string, Media>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
  description?: string;
  [CHOICES]?: string[];
  example?: unknown;
}

/** A part of an operation that takes input, and the errors for invalid input. */
interface Field extends Pick<ValidationIssue, 'code' | 'message'> {
  readonly name: string;
  readonly isRequired: boolean;
}

/** The parts of an operation in the document that are used here. */
export interface Operation {
  readonly parameters?: Parameter[];
  readonly requestBody?: Content;
  readonly responses: Record<string, Content>;
}

/** Makes the examples of an operation from those of its fields. */
export class Examples {
  private readonly schemas: Record<string, Schema>;

  constructor(document: OpenAPIObject) {
    this.schemas = (document.components?.schemas ?? {}) as Record<string, Schema>;
  }

  /** Complete examples: Swagger UI would fill in fields without an example with the word "string", including optional ones. */
  give({ requestBody, responses }: Operation): void {
    const media = [requestBody, responses['200']].flatMap((one) => Object.values(one?.content ?? {}));
    for (const one of media) one.example = laidOver(this.of(one.schema), one.example);
  }

  /** The errors for invalid input: a missing required field if there is one; undefined if the operation takes no input. */
  issueOf(operation: Operation): ValidationIssue | undefined {
    const fields = [...this.inBody(operation), ...inQuery(operation)];
    const missing = fields.find(({ isRequired }) => isRequired);
    if (missing) return { code: 'invalid_type', path: [missing.name], message: isString.message(undefined) };
    const [wrong] = fields;
    return wrong && { code: wrong.code, path: [wrong.name], message: wrong.message };
  }

  private inBody({ requestBody }: Operation): Field[] {
    const [media] = Object.values(requestBody?.content ?? {});
    const { properties = {}, required = [] } = this.resolved(media?.schema ?? {});
    return Object.entries(properties).map(([name, schema]) => {
      const message = wrongTypeOf(this.resolved(schema).type ?? 'object');
      return { name, isRequired: required.includes(name), code: 'invalid_type', message };
    });
  }

  private of(schema: Schema): unknown {
    const { example, properties, items, [SELDOM]: isSeldom } = this.resolved(schema);
    if (isSeldom) return undefined;
    if (example !== undefined) return example;
    if (items) return [this.of(items)];
    const entries = Object.entries(properties ?? {}).map(([name, one]) => [name, this.of(one)] as const);
    return properties && Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }

  /** A reference with a description beside it stands in an `allOf` of one. */
  private resolved({ $ref, allOf, ...rest }: Schema): Schema {
    if (allOf?.[0]) return { ...this.resolved(allOf[0]), ...rest };
    return $ref === undefined ? rest : (this.schemas[$ref.split('/').at(-1) ?? ''] ?? {});
  }
}

function inQuery({ parameters = [] }: Operation): Field[] {
  const fields = parameters.filter((one) => one.in === 'query');
  return fields.map(({ name, required: isRequired = false, schema }) => ({
    name,
    isRequired,
    ...wrongTextOf(schema),
  }));
}

function wrongTypeOf(type: string): string {
  if (type === 'string') return isString.message(7);
  return type === 'integer' ? isNumber.message('x') : ofType(type, () => false).message('x');
}

function wrongTextOf(schema: Schema): Pick<ValidationIssue, 'code' | 'message'> {
  const { code, message } = ruleOf(schema);
  return { code, message: message('x') };
}

function ruleOf({ type, format, minimum = 0, maximum = 0, enum: values }: Schema): Rule {
  if (type === 'integer') return isWhole(minimum, maximum);
  if (format === 'date-time') return isTime;
  return values ? isOneOf(values) : isString;
}

function laidOver(base: unknown, value: unknown): unknown {
  if (value === undefined) return base;
  if (!isObject(base) || !isObject(value)) return value;
  const changed = Object.entries(value).map(([name, one]) => [name, laidOver(base[name], one)]);
  return { ...base, ...(Object.fromEntries(changed) as object) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
