import {
  applyDecorators,
  Controller,
  type ExecutionContext,
  SetMetadata,
  UseFilters,
  UseGuards,
  UsePipes,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { ApiExcludeController, ApiTags } from '@nestjs/swagger';
import { ContractPipe } from './contract.pipe';
import { LatchkeyExceptionFilter } from './latchkey-exception.filter';
import { LatchkeyRouteGuard } from './latchkey-route.guard';
import { shieldParameters } from './shielded-parameters';

const LATCHKEY_CONTROLLER = 'latchkey:controller';
const ROUTE_GUARD = new LatchkeyRouteGuard();
/** Where `ApiExcludeController` keeps what it was told. */
const EXCLUDED = 'swagger/apiExcludeController';

export function isLatchkeyController(controller: object): boolean {
  return Reflect.getMetadata(LATCHKEY_CONTROLLER, controller) === true;
}

/**
 * Whether a call is for one of Latchkey's own routes: for guards and interceptors a host binds to everything, to let them
 * pass. They have a guard of their own, and their clients expect their bodies as they are.
 */
export function isLatchkeyRoute(context: ExecutionContext): boolean {
  return isLatchkeyController(context.getClass());
}

/**
 * A controller of Latchkey: its path, its tag in the API documentation, and the filter and pipe of the contract. They are
 * bound here and nowhere globally, so that a host's own routes never meet them. It stays out of API documentation until that is
 * asked for (`latchkeyDocument`): a host's document is the host's.
 */
export function LatchkeyController(path: string, tag: string): ClassDecorator {
  return applyDecorators(
    Controller({ path, version: VERSION_NEUTRAL }),
    SetMetadata(LATCHKEY_CONTROLLER, true),
    ApiExcludeController(),
    ApiTags(tag),
    UseFilters(LatchkeyExceptionFilter),
    UseGuards(ROUTE_GUARD),
    UsePipes(ContractPipe),
    shieldParameters,
  );
}

/** Runs something while controllers of ours do not hide from documentation. Nothing else runs meanwhile: it is synchronous. */
export function showing<T>(controllers: readonly object[], act: () => T): T {
  for (const controller of controllers) Reflect.defineMetadata(EXCLUDED, [false], controller);
  try {
    return act();
  } finally {
    for (const controller of controllers) Reflect.defineMetadata(EXCLUDED, [true], controller);
  }
}
