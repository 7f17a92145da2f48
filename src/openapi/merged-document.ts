import type { INestApplication } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { latchkeyDocument } from './latchkey-document';

const PREFIX = 'Latchkey';
/** Objects whose keys are names. */
const NAMED = ['schemas', 'securitySchemes', 'requirement'];

/**
 * A host's OpenAPI document with Latchkey's operations added. Every name of Latchkey (tags, schemas, operation ids, the
 * security scheme) begins with `Latchkey`, so that it overwrites none of the host's.
 *
 * @param document the host's document; it is not changed.
 * @param app the application.
 */
export function withLatchkeyDocument(document: OpenAPIObject, app: INestApplication): OpenAPIObject {
  const { paths, tags = [], components = {} } = renamed(latchkeyDocument(app)) as OpenAPIObject;
  const { schemas, securitySchemes } = components;
  return {
    ...document,
    tags: [...(document.tags ?? []), ...tags],
    paths: { ...document.paths, ...paths },
    components: {
      ...document.components,
      schemas: { ...document.components?.schemas, ...schemas },
      securitySchemes: { ...document.components?.securitySchemes, ...securitySchemes },
    },
  };
}

/** The same document with every name prefixed, and every reference to one. Examples are not changed: they are data. */
function renamed(value: unknown, key = ''): unknown {
  if (key === 'example' || key === 'examples') return value;
  if (Array.isArray(value)) return value.map((item) => renamedItem(item, key));
  if (typeof value !== 'object' || value === null) return renamedText(value, key);
  const isTag = key === 'tag';
  const isNamed = NAMED.includes(key);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (isNamed) return [`${PREFIX}${name}`, renamed(inner)];
      return [name, isTag && name === 'name' ? `${PREFIX}: ${String(inner)}` : renamed(inner, name)];
    }),
  );
}

function renamedItem(item: unknown, list: string): unknown {
  if (list === 'tags') return typeof item === 'string' ? `${PREFIX}: ${item}` : renamed(item, 'tag');
  return renamed(item, list === 'security' ? 'requirement' : '');
}

function renamedText(value: unknown, key: string): unknown {
  if (typeof value !== 'string') return value;
  if (key === '$ref') return value.replace('#/components/schemas/', `#/components/schemas/${PREFIX}`);
  return key === 'operationId' ? `${PREFIX}_${value}` : value;
}
