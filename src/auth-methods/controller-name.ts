import type { Type } from '@nestjs/common';
import type { AuthMethodDefinition } from './auth-method.definition';

/** The documentation names operations by their controller, and each method has operations of its own. */
export function named(controller: Type, { title }: AuthMethodDefinition): Type {
  Object.defineProperty(controller, 'name', { value: `${title.replaceAll(' ', '')}Controller` });
  return controller;
}
