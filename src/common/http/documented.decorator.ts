import { applyDecorators, HttpCode, HttpStatus, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { DatabaseUnavailableError, RefusedRequestError, UnexpectedError } from '../errors/common.errors';
import type { LatchkeyError } from '../errors/latchkey.error';
import { documentedRefusals } from './documented-errors';
import { ErrorBodyDto, ValidationFailureDto } from './error-body.dto';

/** What the API documentation says about an operation beyond its types. */
export interface OperationDocs {
  readonly summary: string;
  readonly description?: string;
  /** What a 200 carries. */
  readonly answer: Type;
  /** Where the example of a 200 is not what its fields show: it answers the example of the request. */
  readonly example?: object;
  /** The refusals beyond those every operation has, each as it would be thrown. */
  readonly refusals?: readonly LatchkeyError[];
  /** Whether the document says that no credential is asked for. */
  readonly isPublic?: boolean;
  /** Whether clients should use something else: the description says what. */
  readonly isDeprecated?: boolean;
  /** Whether it is answered without asking the database. */
  readonly isFromMemory?: boolean;
}

/** That of invalid input depends on the input: `latchkeyDocument` adds it. */
const EVERY_OPERATION: readonly LatchkeyError[] = [
  new RefusedRequestError(HttpStatus.BAD_REQUEST),
  new RefusedRequestError(HttpStatus.PAYLOAD_TOO_LARGE),
  new RefusedRequestError(HttpStatus.UNSUPPORTED_MEDIA_TYPE),
  new UnexpectedError(undefined),
];

/** A success is always 200, and refusals are documented from the very errors that are thrown (contract 0 and 4). */
export function Documented(docs: OperationDocs): MethodDecorator {
  const {
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
    ApiOperation({ summary, description, deprecated, ...(isPublic ? { security: [] } : {}) }),
    ApiOkResponse({ type: answer, description: 'Done.', ...(example ? { example } : {}) }),
    ApiExtraModels(ErrorBodyDto, ValidationFailureDto),
    ...Object.entries(documentedRefusals(errors)).map(([status, refusal]) =>
      ApiResponse({ status: Number(status), ...refusal }),
    ),
  );
}
