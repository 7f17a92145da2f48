import { applyDecorators, HttpCode, HttpStatus, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import {
  DatabaseUnavailableError,
  RefusedRequestError,
  UnexpectedError,
  ValidationFailureError,
} from '../errors/common.errors';
import type { LatchkeyError } from '../errors/latchkey.error';
import { ErrorBodyDto, EXAMPLE_REQUEST_ID, ValidationFailureDto } from './error-body.dto';

/** What the API documentation says about an operation beyond its types. */
export interface OperationDocs {
  readonly summary: string;
  readonly description?: string;
  /** What a 200 carries. */
  readonly answer: Type;
  /** The refusals beyond those every operation has, each as it would be thrown. */
  readonly refusals?: readonly LatchkeyError[];
  /** Whether the document says that no credential is asked for. */
  readonly isPublic?: boolean;
  /** Whether clients should use something else: the description says what. */
  readonly isDeprecated?: boolean;
}

const EVERY_OPERATION: readonly LatchkeyError[] = [
  new RefusedRequestError(HttpStatus.BAD_REQUEST),
  new RefusedRequestError(HttpStatus.PAYLOAD_TOO_LARGE),
  new RefusedRequestError(HttpStatus.UNSUPPORTED_MEDIA_TYPE),
  new ValidationFailureError([{ code: 'invalid_type', path: ['name'], message: 'Expected string, received number' }]),
  new UnexpectedError(undefined),
  new DatabaseUnavailableError(),
];

/** A success is always 200, and refusals are documented from the very errors that are thrown (contract 0 and 4). */
export function Documented(docs: OperationDocs): MethodDecorator {
  const { summary, description, answer, refusals = [], isPublic, isDeprecated: deprecated } = docs;
  return applyDecorators(
    HttpCode(HttpStatus.OK),
    ApiOperation({ summary, description, deprecated, ...(isPublic ? { security: [] } : {}) }),
    ApiOkResponse({ type: answer, description: 'Done.' }),
    ApiExtraModels(ErrorBodyDto, ValidationFailureDto),
    ...refusalDocs([...refusals, ...EVERY_OPERATION]),
  );
}

function refusalDocs(errors: readonly LatchkeyError[]): MethodDecorator[] {
  const statuses = [...new Set(errors.map((error) => error.getStatus()))].sort((a, b) => a - b);
  return statuses.map((status) => {
    const group = errors.filter((error) => error.getStatus() === status);
    const model = status === Number(HttpStatus.UNPROCESSABLE_ENTITY) ? ValidationFailureDto : ErrorBodyDto;
    const examples: Record<string, object> = Object.fromEntries(
      group.map((error) => [error.errorCode ?? '', exampleOf(error)]),
    );
    return ApiResponse({
      status,
      description: [...new Set(group.map((error) => bodyOf(error).error))].join(', '),
      content: { 'application/json': { schema: { $ref: getSchemaPath(model) }, examples } },
    });
  });
}

function exampleOf(error: LatchkeyError): object {
  return { summary: error.errorCode, value: { reqId: EXAMPLE_REQUEST_ID, ...bodyOf(error) } };
}

function bodyOf(error: LatchkeyError) {
  return error.getResponse() as { error: string; message: string };
}
