import type { Type } from '@nestjs/common';
import { ContractPipe } from '../common/http/contract.pipe';

const pipe = new ContractPipe();

/** What a host hands in, held against the rules the REST API has for it. @throws ValidationFailureError */
export function checked<Dto extends object>(dto: Type<Dto>, input: object): Promise<Dto> {
  return pipe.transform(input, { type: 'body', metatype: dto }) as Promise<Dto>;
}
