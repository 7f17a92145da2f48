// The types of the console's client: the operations that its pages call, without descriptions and examples.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import openapiTS, { astToString } from 'openapi-typescript';

const NOTICE = '// Made of the API document by `node test/openapi/check.mjs --write`.\n\n';
const NOT_READ = new Set(['description', 'example', 'examples', 'summary', 'title', 'x-permission', 'x-event', 'tags']);

/** The paths that the sources of the console name. */
function pathsIn(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((file) => /(?<!\.d)\.tsx?$/.test(file));
  const texts = files.map((file) => readFileSync(path.join(folder, file), 'utf8'));
  return new Set(texts.flatMap((text) => [...text.matchAll(/'(\/api\/[^'?]+)'/g)].map(([, found]) => found)));
}

/** The schemas that a part of the document refers to, and those that they refer to. */
function reached(part, schemas, found = new Set()) {
  for (const [, name] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    if (found.has(name)) continue;
    found.add(name);
    reached(schemas[name], schemas, found);
  }
  return found;
}

function stripped(value, isNames = false) {
  if (Array.isArray(value)) return value.map((one) => stripped(one));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => isNames || !NOT_READ.has(key));
  return Object.fromEntries(kept.map(([key, one]) => [key, stripped(one, key === 'properties' && !isNames)]));
}

/** Only the success of each operation: a refusal has one body for all. */
function withoutRefusals(item) {
  const operations = Object.entries(item).map(([method, operation]) => {
    const { operationId: _id, responses, ...rest } = operation;
    return [method, { ...rest, responses: { 200: responses['200'] } }];
  });
  return Object.fromEntries(operations);
}

export async function consoleTypes(document, folder) {
  const wanted = pathsIn(folder);
  const paths = Object.fromEntries(
    Object.entries(document.paths)
      .filter(([name]) => wanted.has(name))
      .map(([name, item]) => [name, withoutRefusals(item)]),
  );
  const all = document.components.schemas;
  const schemas = Object.fromEntries([...reached(paths, all)].sort().map((name) => [name, all[name]]));
  const part = stripped({
    openapi: document.openapi,
    info: { title: 'Latchkey', version: '1' },
    paths,
    components: { schemas },
  });
  return NOTICE + astToString(await openapiTS(part, { defaultNonNullable: false, emptyObjectsUnknown: true }));
}
