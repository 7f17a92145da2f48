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
const LATCHKEY_PAGE = 'latchkey:page';
const ROUTE_GUARD = new LatchkeyRouteGuard();
/** The metadata key of `ApiExcludeController`. */
const EXCLUDED = 'swagger/apiExcludeController';

export function isLatchkeyController(controller: object): boolean {
  return Reflect.getMetadata(LATCHKEY_CONTROLLER, controller) === true;
}

/** Whether a controller's routes belong to the API document: those of pages do not. */
export function isDocumentedController(controller: object): boolean {
  return isLatchkeyController(controller) && Reflect.getMetadata(LATCHKEY_PAGE, controller) !== true;
}

/**
 * Whether a call is for one of Latchkey's own routes. Guards and interceptors that a host binds globally use it to let those
 * calls pass: Latchkey's routes have their own guard, and their clients expect the bodies unchanged.
 */
export function isLatchkeyRoute(context: ExecutionContext): boolean {
  return isLatchkeyController(context.getClass());
}

/**
 * A controller of Latchkey: its path, its tag in the API documentation, and the filter and pipe of the contract. Filter and
 * pipe are bound here and nowhere globally, so that they do not affect a host's own routes. The controller stays out of API
 * documents until `latchkeyDocument` asks for it, because a host's document belongs to the host.
 */
export function LatchkeyController(path: string, tag: string): ClassDecorator {
  return applyDecorators(ownController(path), ApiTags(tag));
}

/** A controller of pages for people. It is Latchkey's own to a host, and no part of the API document. */
export function LatchkeyPage(path: string): ClassDecorator {
  return applyDecorators(ownController(path), SetMetadata(LATCHKEY_PAGE, true));
}

function ownController(path: string): ClassDecorator {
  return applyDecorators(
    Controller({ path, version: VERSION_NEUTRAL }),
    SetMetadata(LATCHKEY_CONTROLLER, true),
    ApiExcludeController(),
    UseFilters(LatchkeyExceptionFilter),
    UseGuards(ROUTE_GUARD),
    UsePipes(ContractPipe),
    shieldParameters,
  );
}

/**
 * Runs something while Latchkey's controllers are not hidden from API documents. It is synchronous, so nothing else runs
 * meanwhile.
 */
export function showing<T>(controllers: readonly object[], act: () => T): T {
  for (const controller of controllers) Reflect.defineMetadata(EXCLUDED, [false], controller);
  try {
    return act();
  } finally {
    for (const controller of controllers) Reflect.defineMetadata(EXCLUDED, [true], controller);
  }
}
