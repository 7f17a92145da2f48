import type { OpenAPIObject } from '@nestjs/swagger';
import Ajv, { type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

type Json = Record<string, unknown>;

/** Holds every answer the tests see against the API documentation: its status, and the whole shape of its body. */
export class DocumentedAnswers {
  private readonly ajv = new Ajv({ strict: false, allErrors: true });
  private readonly validators = new Map<string, ValidateFunction | undefined>();
  private readonly routes: { pattern: RegExp; path: string }[];

  constructor(private readonly document: OpenAPIObject) {
    addFormats(this.ajv);
    this.ajv.addSchema(closed(document) as Json, 'openapi');
    this.routes = Object.keys(document.paths)
      // Literal segments first: `details` is no identity id.
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((path) => ({ path, pattern: new RegExp(`^/+${path.slice(1).replace(/\{\w+\}/g, '[^/]+')}/?$`) }));
  }

  /** @throws Error that says in what an answer differs from its documentation. */
  check(method: string, target: string, status: number, body: unknown): void {
    const path = this.routes.find(({ pattern }) => pattern.test(target.split('?')[0] ?? ''))?.path;
    const operation = path && (this.document.paths[path] as unknown as Json)[method.toLowerCase()];
    if (!path || !operation) return;
    const validate = this.validatorFor(path, method.toLowerCase(), status);
    if (!validate) throw new Error(`${method} ${path} is not documented to answer ${status}: ${JSON.stringify(body)}`);
    if (!validate(body)) {
      throw new Error(`${method} ${path} ${status}: ${this.ajv.errorsText(validate.errors)}: ${JSON.stringify(body)}`);
    }
  }

  private validatorFor(path: string, method: string, status: number): ValidateFunction | undefined {
    const key = `${method} ${path} ${status}`;
    if (!this.validators.has(key)) {
      const operation = (this.document.paths[path] as unknown as Record<string, { responses: Json }>)[method];
      const pointer = ['paths', path, method, 'responses', String(status), 'content', 'application/json', 'schema'];
      const ref = pointer.map((part) => encodeURIComponent(part.replace(/~/g, '~0').replace(/\//g, '~1'))).join('/');
      const answer = operation?.responses[String(status)] as { content?: Json } | undefined;
      // JSON lines have no schema as a whole.
      const schema = answer?.content?.['application/json'] === undefined ? true : { $ref: `openapi#/${ref}` };
      this.validators.set(key, answer && this.ajv.compile(schema));
    }
    return this.validators.get(key);
  }
}

/** The document with every object closed: a property it does not name is a fault. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner)]));
  return copy.type === 'object' && copy.properties ? { ...copy, additionalProperties: false } : copy;
}
