import type { LatchkeyError } from '../errors/latchkey.error';

/** Hears of every refusal of Latchkey's routes, after the answer. The guarding module provides it: it knows the caller. */
export const ON_REFUSAL = Symbol('on refusal');
export type OnRefusal = (request: object, error: LatchkeyError) => void;

/** The operation that a request reached, and the ids in its path. */
export interface CalledOperation {
  /** As the API document names it: `IdentitiesController_update`. */
  readonly name: string;
  readonly ids: Readonly<Record<string, string>>;
}

const operations = new WeakMap<object, CalledOperation>();

/** Remembers the operation of a request. An exception filter is not told which handler was called. */
export function rememberOperation(request: object, name: string): void {
  const { params = {} } = request as { params?: Record<string, string> };
  operations.set(request, { name, ids: params });
}

/** The operation of a request; undefined for a request that was refused before it reached one. */
export function operationOf(request: object): CalledOperation | undefined {
  return operations.get(request);
}
