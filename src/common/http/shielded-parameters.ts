import type { Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import { ApiBody, ApiQuery } from '@nestjs/swagger';
import { ContractPipe } from './contract.pipe';

/** How bodies and queries are documented, by their number in Nest's `RouteParamtypes`. */
const DOCUMENTS: Record<string, typeof ApiBody> = { 3: ApiBody, 4: ApiQuery };
const TYPES = 'design:paramtypes';

interface RouteArgument {
  readonly index: number;
  pipes: unknown[];
}

/**
 * Hides the classes of bodies and queries from the host's pipes. Those run before Latchkey's pipe and would refuse, by their
 * own rules, input that the contract allows, such as unknown keys. Latchkey's pipe and the API documentation get the classes
 * separately. Pipes bound to the whole application cannot be recognised by a decorator, so the class that they see must be
 * empty.
 */
export function shieldParameters(controller: { readonly prototype: object; readonly name: string }): void {
  for (const name of Object.getOwnPropertyNames(controller.prototype)) {
    const args = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) as
      Record<string, RouteArgument> | undefined;
    for (const [key, argument] of Object.entries(args ?? {})) {
      const document = DOCUMENTS[key.split(':')[0]!];
      if (document !== undefined) shield(controller.prototype, name, argument, document);
    }
  }
}

function shield(prototype: object, name: string, argument: RouteArgument, document: typeof ApiBody): void {
  const types = Reflect.getMetadata(TYPES, prototype, name) as unknown[];
  const type = types[argument.index] as Type;
  // The bodies of auth methods have no class here: their pipe gets one when the controller is made.
  if ((type as unknown) === Object) return;
  Reflect.defineMetadata(TYPES, types.with(argument.index, Object), prototype, name);
  argument.pipes = [...argument.pipes, ContractPipe.of(type)];
  document({ type })(prototype, name, Object.getOwnPropertyDescriptor(prototype, name)!);
}
