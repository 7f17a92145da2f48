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
 * Hides the classes of bodies and queries from pipes of the host, which come before ours and would refuse by rules of their
 * own what the contract allows: unknown keys, for one. Our pipe and the API documentation are told of them instead. Pipes bound
 * to the whole application are known by no decorator, so the class they look at has to be none.
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
  // The bodies of auth methods have no class of their own here: their pipe is given one when the controller is made.
  if ((type as unknown) === Object) return;
  Reflect.defineMetadata(TYPES, types.with(argument.index, Object), prototype, name);
  argument.pipes = [...argument.pipes, ContractPipe.of(type)];
  document({ type })(prototype, name, Object.getOwnPropertyDescriptor(prototype, name)!);
}
