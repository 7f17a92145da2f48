import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  HttpStatus,
  Inject,
  Injectable,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { SafeLogger } from '../safe-logger';
import { DatabaseUnavailableError, RefusedRequestError, UnexpectedError } from '../errors/common.errors';
import { isDatabaseUnavailable, loggable } from '../errors/database-errors';
import { LatchkeyError } from '../errors/latchkey.error';
import { ON_REFUSAL, type OnRefusal } from './observed-call';
import { requestId, REQUEST_ID_HEADER } from './request-id';

/**
 * Turns everything that was thrown into the one error body: `{ reqId, statusCode, error, message, details? }`. The filter is bound
 * to Latchkey's controllers, where the host's global guards and interceptors throw too. An `HttpException` of the host keeps its
 * status and text.
 */
@Catch()
@Injectable()
export class LatchkeyExceptionFilter implements ExceptionFilter {
  private readonly logger = new SafeLogger(LatchkeyExceptionFilter.name);
  private readonly outages = new Map<string, { saidAt: number; unsaid: number }>();

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    @Inject(ON_REFUSAL) private readonly onRefusal: OnRefusal,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const error = this.isOfHost(thrown) ? thrown : asLatchkeyError(thrown);
    const request = http.getRequest<object>();
    const reqId = requestId(request);
    if (error instanceof LatchkeyError) this.log(error, reqId);
    const { httpAdapter } = this.adapterHost;
    const response: unknown = http.getResponse();
    const headers = error instanceof LatchkeyError ? error.headers : {};
    httpAdapter.setHeader(response, REQUEST_ID_HEADER, reqId);
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, { reqId, ...bodyOf(error) }, error.getStatus());
    if (error instanceof LatchkeyError) this.tell(request, error);
  }

  /** The framework's own exceptions reach only a filter that is bound to the whole application. */
  protected isOfHost(thrown: unknown): thrown is HttpException {
    return thrown instanceof HttpException && !(thrown instanceof LatchkeyError);
  }

  /** The request is answered by now. */
  private tell(request: object, error: LatchkeyError): void {
    try {
      this.onRefusal(request, error);
    } catch (failure) {
      this.logger.error({ event: 'request.refusal_unobserved', cause: loggable(failure) });
    }
  }

  private log(error: LatchkeyError, reqId: string): void {
    const status = error.getStatus();
    const entry = { event: 'request.refused', reqId, errorCode: error.errorCode, status };
    if (status < 500) this.logger.debug(entry);
    else if (status !== 503) this.logger.error({ ...entry, cause: loggable(error.cause) });
    else this.logOutage(entry, error);
  }

  /**
   * While a dependency is away, every request fails in the same way: one log line a second says so, and for how many requests
   * (guarantee P13).
   */
  private logOutage(entry: object, { errorCode, cause }: LatchkeyError): void {
    const now = performance.now();
    const { saidAt, unsaid } = this.outages.get(errorCode) ?? { saidAt: -Infinity, unsaid: 0 };
    if (now - saidAt < 1_000) this.outages.set(errorCode, { saidAt, unsaid: unsaid + 1 });
    else {
      this.outages.set(errorCode, { saidAt: now, unsaid: 0 });
      this.logger.error({ ...entry, alikeBefore: unsaid, cause: loggable(cause) });
    }
  }
}

/** The body that Nest answers, with the fields that clients of the API read. */
function bodyOf(error: HttpException): object {
  const said = error.getResponse();
  if (error instanceof LatchkeyError) return said as object;
  const usual = { statusCode: error.getStatus(), error: error.name };
  return { ...usual, ...(typeof said === 'string' ? { message: said } : { message: error.message, ...said }) };
}

/** The LatchkeyError for anything that can be thrown. */
export function asLatchkeyError(thrown: unknown): LatchkeyError {
  if (thrown instanceof LatchkeyError) return thrown;
  if (isBrokenOff(thrown)) return new RefusedRequestError(HttpStatus.BAD_REQUEST, thrown);
  if (isDatabaseUnavailable(thrown)) return new DatabaseUnavailableError(thrown);
  const status = frameworkStatus(thrown);
  if (status >= 400 && status < 500) return new RefusedRequestError(status, thrown);
  return new UnexpectedError(thrown);
}

/** Node's error for a body whose client has gone away. Its code is also that of a lost connection to the database. */
function isBrokenOff(thrown: unknown): boolean {
  const { code, message } = (thrown ?? {}) as NodeJS.ErrnoException;
  return code === 'ECONNRESET' && message === 'aborted';
}

/** Nest's own errors have their status; those of Fastify and body-parser have a `statusCode`. */
function frameworkStatus(thrown: unknown): number {
  if (thrown instanceof HttpException) return thrown.getStatus();
  const status = (thrown as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' ? status : HttpStatus.INTERNAL_SERVER_ERROR;
}
