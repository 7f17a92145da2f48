import { applyDecorators, Controller, UseFilters, UsePipes, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ContractPipe } from './contract.pipe';
import { LatchkeyExceptionFilter } from './latchkey-exception.filter';

/**
 * A controller of Latchkey: its path, its tag in the API documentation, and the filter and pipe of the contract. They are
 * bound here and nowhere globally, so that a host's own routes never meet them.
 */
export function LatchkeyController(path: string, tag: string): ClassDecorator {
  return applyDecorators(
    Controller({ path, version: VERSION_NEUTRAL }),
    ApiTags(tag),
    UseFilters(LatchkeyExceptionFilter),
    UsePipes(ContractPipe),
  );
}
