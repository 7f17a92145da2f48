import type { OpenAPIObject } from '@nestjs/swagger';

type Json = Record<string, unknown>;

interface Schema {
  readonly $ref?: string;
  readonly allOf?: Schema[];
  readonly oneOf?: Schema[];
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly nullable?: boolean;
  readonly required?: string[];
  readonly example?: unknown;
}

interface OpenApiOperation {
  readonly parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  readonly requestBody?: { content: Record<string, { schema: Schema }> };
  readonly security?: unknown[];
}

export type Kind = 'string' | 'integer' | 'boolean' | 'array' | 'object' | 'filter';
export type Path = readonly (string | number)[];

/** A place in a body, and what belongs there. */
export interface Field {
  readonly path: Path;
  readonly kind: Kind;
  /** Whether null clears it. */
  readonly isNullable: boolean;
}

/** An operation of the API documentation. */
export interface Operation {
  /** `POST /api/v1/identities`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly isPublic: boolean;
  readonly query: readonly { readonly name: string; readonly kind: Kind; readonly isRequired: boolean }[];
  /** Of its body, wherever it lies. Empty without one. */
  readonly fields: readonly Field[];
  /** The fields without which a body is refused. */
  readonly required: readonly string[];
  /** A body as the documentation shows it; undefined for an operation that takes none. */
  readonly example: Json | undefined;
}

/** Every operation of the document: what a suite of all routes goes through. */
export function operationsOf(document: OpenAPIObject): Operation[] {
  const schemas = document.components?.schemas as Record<string, Schema>;
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, OpenApiOperation>).map(([method, operation]) => {
      const body = operation.requestBody?.content['application/json']?.schema;
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        isPublic: operation.security?.length === 0,
        query: (operation.parameters ?? [])
          .filter((one) => one.in === 'query')
          .map(({ name, schema, required = false }) => ({ name, kind: kindOf(schema), isRequired: required })),
        fields: body ? fieldsOf(body, [], schemas) : [],
        required: (body && resolve(body, schemas).required) ?? [],
        example: body && (exampleOf(body, schemas) as Json),
      };
    }),
  );
}

function resolve(schema: Schema, schemas: Record<string, Schema>): Schema {
  const { $ref, allOf, ...rest } = schema;
  if (allOf?.[0]) return { ...resolve(allOf[0], schemas), ...rest };
  return $ref ? schemas[$ref.split('/').at(-1)!]! : schema;
}

function kindOf(schema: Schema): Kind {
  return schema.oneOf ? 'filter' : ((schema.type ?? 'object') as Kind);
}

function fieldsOf(schema: Schema, path: Path, schemas: Record<string, Schema>): Field[] {
  const { properties = {}, items, ...rest } = resolve(schema, schemas);
  const own: Field[] =
    path.length === 0 ? [] : [{ path, kind: kindOf({ ...rest, items }), isNullable: rest.nullable === true }];
  const inner = Object.entries(properties).flatMap(([name, one]) => fieldsOf(one, [...path, name], schemas));
  return [...own, ...inner, ...(items ? fieldsOf(items, [...path, 0], schemas) : [])];
}

function exampleOf(schema: Schema, schemas: Record<string, Schema>): unknown {
  const { example, properties, items } = resolve(schema, schemas);
  if (example !== undefined) return example;
  if (items) return [exampleOf(items, schemas)];
  const entries = Object.entries(properties ?? {}).map(([name, one]) => [name, exampleOf(one, schemas)] as const);
  return properties && Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** The JSON text of a body in which another text, be it JSON or not, stands in one place. */
export function jsonWith(body: unknown, path: Path, text: string): string {
  const marker = '\ue000marker\ue000';
  return JSON.stringify(withValue(body, path, marker)).replace(JSON.stringify(marker), () => text);
}

function withValue(container: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  const inner = withValue((container as Json | undefined)?.[key as string], rest, value);
  return typeof key === 'number' ? [inner] : { ...(container as Json), [key]: inner };
}
