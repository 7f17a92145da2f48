import type { Type } from '@nestjs/common';
import { ContractPipe } from '../common/http/contract.pipe';
import { isObject } from '../common/option-rules';

const pipe = new ContractPipe();

/** Validates a host's input by the rules of the REST API. @throws ValidationFailureError */
export function checked<Dto extends object>(dto: Type<Dto>, input: object): Promise<Dto> {
  return pipe.transform(input, { type: 'body', metatype: dto }) as Promise<Dto>;
}

/**
 * Refuses names that nothing here reads: an option that is dropped in silence, such as one of a later version, is one that the
 * host believes in.
 *
 * @throws TypeError
 */
export function requireKnown(what: string, given: unknown, names: readonly string[]): void {
  if (!isObject(given)) throw new TypeError(`${what} must be an object with ${names.join(', ')}`);
  const unknown = Object.keys(given).filter((name) => given[name] !== undefined && !names.includes(name));
  if (unknown.length > 0) throw new TypeError(`${what} knows no ${unknown.join(', ')}: it takes ${names.join(', ')}`);
}
