import { applyDecorators, HttpCode, HttpStatus, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { DatabaseUnavailableError, RefusedRequestError, UnexpectedError } from '../errors/common.errors';
import type { LatchkeyError } from '../errors/latchkey.error';
import { EventOfOperation } from './observed-call';
import { documentedRefusals } from './documented-errors';
import { ErrorBodyDto, ValidationFailureDto } from './error-body.dto';

/** The API documentation of an operation beyond its types. */
export interface OperationDocs {
  /** The name of the event that the audit log has for a call; null or left out for calls that it does not show. */
  readonly event?: string | null;
  readonly summary: string;
  readonly description?: string;
  /** The body of a 200. */
  readonly answer: Type;
  /** For an operation whose 200 does not follow the examples of its fields, because it repeats the example of the request. */
  readonly example?: object;
  /** The refusals beyond those that every operation has, each as it would be thrown. */
  readonly refusals?: readonly LatchkeyError[];
  /** Whether the document says that the operation needs no credential. */
  readonly isPublic?: boolean;
  /** Whether clients should use another operation, which the description names. */
  readonly isDeprecated?: boolean;
  /** Whether the operation is answered without asking the database. */
  readonly isFromMemory?: boolean;
}

/** The example for invalid input depends on the input: `latchkeyDocument` adds it. */
const EVERY_OPERATION: readonly LatchkeyError[] = [
  new RefusedRequestError(HttpStatus.BAD_REQUEST),
  new RefusedRequestError(HttpStatus.PAYLOAD_TOO_LARGE),
  new RefusedRequestError(HttpStatus.UNSUPPORTED_MEDIA_TYPE),
  new UnexpectedError(undefined),
];

/** A success is always 200, and refusals are documented from the very errors that are thrown (contract 0 and 4). */
export function Documented(docs: OperationDocs): MethodDecorator {
  const {
    event,
    summary,
    description,
    answer,
    example,
    refusals = [],
    isPublic,
    isDeprecated: deprecated,
    isFromMemory,
  } = docs;
  const errors = [...refusals, ...EVERY_OPERATION, ...(isFromMemory ? [] : [new DatabaseUnavailableError()])];
  return applyDecorators(
    HttpCode(HttpStatus.OK),
    ...(event ? [EventOfOperation(event)] : []),
    ApiOperation({ summary, description, deprecated, ...(isPublic ? { security: [] } : {}) }),
    ApiOkResponse({ type: answer, description: 'Done.', ...(example ? { example } : {}) }),
    ApiExtraModels(ErrorBodyDto, ValidationFailureDto),
    ...Object.entries(documentedRefusals(errors)).map(([status, refusal]) =>
      ApiResponse({ status: Number(status), ...refusal }),
    ),
  );
}
