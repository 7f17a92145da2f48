import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { EXAMPLE } from './examples';

/** Marks a property of an answer that is hardly ever there: examples do not show it. */
export const SELDOM = 'x-seldom';

// Properties of answers. They only document: Latchkey makes its answers, so nothing checks them.

export function ResponseId(description: string, example: string): PropertyDecorator {
  return ApiProperty({ description, type: String, format: 'uuid', example });
}

export function ResponseTime(description: string): PropertyDecorator {
  return ApiProperty({ description, type: String, format: 'date-time', example: EXAMPLE.createdAt });
}

export function ResponseTimeOrNull(description: string, example: string | null = null): PropertyDecorator {
  return ApiProperty({ description, type: String, format: 'date-time', nullable: true, example });
}

export function ResponseInteger(description: string, example: number): PropertyDecorator {
  return ApiProperty({ description, type: 'integer', example });
}

export function ResponseText(description: string, example: string, more: ApiPropertyOptions = {}): PropertyDecorator {
  return ApiProperty({ description, type: String, example, ...more });
}

export function ResponseTextOrNull(description: string, example: string | null): PropertyDecorator {
  return ApiProperty({ description, type: String, nullable: true, example });
}

export function ResponseFlag(description: string, example = false): PropertyDecorator {
  return ApiProperty({ description, type: Boolean, example });
}

export function ResponseObject(type: () => new () => object, description: string): PropertyDecorator {
  // Nest recognises a lazy type by its name: a function called `type`.
  return ApiProperty({ description, type: () => type() });
}

/** An object that is hardly ever there. */
export function ResponseObjectIfAny(type: () => new () => object, description: string): PropertyDecorator {
  const api = { description, type: () => type(), required: false, [SELDOM]: true };
  return ApiProperty(api);
}

export function ResponseList(
  type: () => new () => object,
  description: string,
  example?: readonly object[],
): PropertyDecorator {
  return ApiProperty({ description, type: () => [type()], ...(example ? { example } : {}) });
}
