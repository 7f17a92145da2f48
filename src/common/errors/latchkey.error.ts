import { HttpException, HttpStatus } from '@nestjs/common';

/** The parts that identify a failure: the same for every instance of an error class. */
export interface ErrorKind {
  /** Snake case, stable, for logs, metrics and embedding hosts. Never travels on the wire. */
  readonly errorCode: string;
  readonly status: HttpStatus;
  /** The `error` field of the body (contract section 4). */
  readonly error: string;
}

export interface LatchkeyErrorOptions {
  /** For the log only. */
  readonly cause?: unknown;
  /** Ids, names and permissions; never a value that a caller sent. */
  readonly details?: unknown;
  /** Headers the answer carries, such as the challenge of a 401. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Every 401 carries a challenge (RFC 9110 section 15.5.2). It names no error where the caller presented no token, for example
 * at a refused login (RFC 6750 section 3). `Basic` would make browsers ask for a password that does not exist.
 */
export const CHALLENGE = { 'WWW-Authenticate': 'Bearer' };

/**
 * Every failure of Latchkey. It is an `HttpException`: on a host's own route, where Latchkey's filter is absent, it is still
 * answered with its status and body.
 */
export abstract class LatchkeyError extends HttpException {
  /** Stable, for logs, metrics and filters. Nest 11 knows no such property. */
  override readonly errorCode: string;
  readonly headers: Readonly<Record<string, string>>;

  protected constructor(kind: ErrorKind, message: string | readonly unknown[], options: LatchkeyErrorOptions = {}) {
    const { cause, details, headers } = options;
    const body = { statusCode: kind.status, error: kind.error, message, ...(details === undefined ? {} : { details }) };
    super(body, kind.status, { cause });
    this.errorCode = kind.errorCode;
    this.headers = kind.status === HttpStatus.UNAUTHORIZED ? { ...CHALLENGE, ...headers } : (headers ?? {});
  }
}

/** The requested object does not exist, or not for this caller (decision 18). */
export abstract class NotFoundError extends LatchkeyError {
  protected constructor(errorCode: string, message: string) {
    super({ errorCode, status: HttpStatus.NOT_FOUND, error: 'NotFound' }, message);
  }
}

/** The request is well formed, but the present state does not allow it. */
export abstract class BadRequestError extends LatchkeyError {
  protected constructor(errorCode: string, message: string, options?: LatchkeyErrorOptions) {
    super({ errorCode, status: HttpStatus.BAD_REQUEST, error: 'BadRequest' }, message, options);
  }
}

/** The caller is known, but is not allowed to do this. */
export abstract class ForbiddenError extends LatchkeyError {
  protected constructor(errorCode: string, message: string, error = 'ForbiddenError', options?: LatchkeyErrorOptions) {
    super({ errorCode, status: HttpStatus.FORBIDDEN, error }, message, options);
  }
}
