import { HttpStatus } from '@nestjs/common';
import { LatchkeyError } from './latchkey.error';

export type IssueCode = 'invalid_type' | 'too_small' | 'too_big' | 'invalid_string' | 'custom';

/** One thing wrong with an input (decisions 12). */
export interface ValidationIssue {
  code: IssueCode;
  /** Keys and array indexes from the root of the body or query; empty for the whole. */
  path: (string | number)[];
  message: string;
}

/** The input does not have the form that the contract asks for. */
export class ValidationFailureError extends LatchkeyError {
  constructor(issues: readonly ValidationIssue[]) {
    const status = HttpStatus.UNPROCESSABLE_ENTITY;
    super({ errorCode: 'validation_failed', status, error: 'ValidationFailure' }, issues);
    // For hosts, who read it in a log. The body keeps the list.
    this.message = issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; ');
  }
}

/** An unexpected failure. The cause goes to the log, never to the caller (decision 24). */
export class UnexpectedError extends LatchkeyError {
  constructor(cause: unknown) {
    const status = HttpStatus.INTERNAL_SERVER_ERROR;
    super({ errorCode: 'unexpected', status, error: 'InternalServerError' }, 'Something went wrong', { cause });
  }
}

/** The database cannot be asked. The caller's credentials are not at fault, so the status is never 401 (decision 24). */
export class DatabaseUnavailableError extends LatchkeyError {
  constructor(cause?: unknown) {
    super(
      { errorCode: 'database_unavailable', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'The database is not available. Please try again.',
      { cause, headers: { 'Retry-After': '1' } },
    );
  }
}

/** Latchkey is asked for more than it can answer in time. */
export class OverloadedError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'overloaded', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'Too many requests are waiting. Please try again.',
      { headers: { 'Retry-After': '1' } },
    );
  }
}

/** The database could not read a list or a search in the time that one may take. */
export class ReadTooCostlyError extends LatchkeyError {
  constructor(cause?: unknown) {
    super(
      { errorCode: 'read_too_costly', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'The list took longer than a second to read. Narrow the search, or ask for a page nearer to the beginning.',
      { cause, headers: { 'Retry-After': '1' } },
    );
  }
}

/** A request that the framework refused before it reached a handler: unknown routes, unreadable bodies. */
export class RefusedRequestError extends LatchkeyError {
  constructor(status: number, cause?: unknown) {
    const { error, message } = REFUSALS[status] ?? REFUSALS[HttpStatus.BAD_REQUEST]!;
    super({ errorCode: 'request_refused', status, error }, message, { cause });
  }
}

/** The path exists, but not for this method. */
export class MethodNotAllowedError extends LatchkeyError {
  constructor(allow: string) {
    const status = HttpStatus.METHOD_NOT_ALLOWED;
    const { error, message } = REFUSALS[status]!;
    super({ errorCode: 'method_not_allowed', status, error }, message, { headers: { Allow: allow } });
  }
}

/** The body is compressed or encoded in another way. RFC 9110 section 15.5.16 says what the answer names. */
export class EncodedBodyError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'body_encoded', status: HttpStatus.UNSUPPORTED_MEDIA_TYPE, error: 'UnsupportedMediaType' },
      'Send the body as it is, without a Content-Encoding.',
      { headers: { 'Accept-Encoding': 'identity' } },
    );
  }
}

/** A form has more fields than any route takes. */
export class TooManyFieldsError extends LatchkeyError {
  constructor(most: number) {
    const status = HttpStatus.PAYLOAD_TOO_LARGE;
    super(
      { errorCode: 'too_many_fields', status, error: 'PayloadTooLarge' },
      `The form has more than ${most} fields. Send fewer, or send JSON.`,
    );
  }
}

/** RFC 6585 section 5. */
export const HEADERS_TOO_LARGE = 431;

// Latchkey's own sentences: the messages of parsers quote the input, which may be a secret.
const REFUSALS: Partial<Record<number, { error: string; message: string }>> = {
  [HttpStatus.BAD_REQUEST]: {
    error: 'BadRequest',
    message: 'The request is malformed: its body must be valid JSON, its path and headers valid HTTP.',
  },
  [HttpStatus.NOT_FOUND]: { error: 'NotFound', message: 'There is no such route.' },
  [HttpStatus.METHOD_NOT_ALLOWED]: { error: 'MethodNotAllowed', message: 'This route does not support the method.' },
  [HttpStatus.REQUEST_TIMEOUT]: { error: 'RequestTimeout', message: 'The request took too long to arrive.' },
  [HttpStatus.PAYLOAD_TOO_LARGE]: { error: 'PayloadTooLarge', message: 'The request body is larger than 100 KiB.' },
  [HttpStatus.URI_TOO_LONG]: { error: 'UriTooLong', message: 'The path of the request is too long.' },
  [HttpStatus.UNSUPPORTED_MEDIA_TYPE]: {
    error: 'UnsupportedMediaType',
    message: 'Send the body as application/json or application/x-www-form-urlencoded.',
  },
  [HttpStatus.EXPECTATION_FAILED]: {
    error: 'ExpectationFailed',
    message: 'The only supported expectation is 100-continue.',
  },
  [HEADERS_TOO_LARGE]: {
    error: 'RequestHeaderFieldsTooLarge',
    message: 'The headers of the request are larger than 16 KiB.',
  },
};
