import { isNativeError } from 'node:util/types';
import { DatabaseUnavailableError } from './common.errors';
import { UNREADABLE_VALUE } from './unreadable-value.error';

/** node-postgres and TypeORM errors, seen only through the fields that matter here. */
interface DatabaseErrorLike {
  readonly name?: string;
  readonly code?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly query?: string;
  readonly severity?: string;
  readonly driverError?: DatabaseErrorLike;
  readonly message?: string;
  readonly stack?: string;
}

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
// SQLSTATE: 08 connection exception, 53 insufficient resources, 57P operator intervention, 25006 a standby
// answers, 57014 a statement ran into its time limit.
const UNAVAILABLE_SQLSTATE = /^(08|53|57P)|^25006$|^57014$/;
// 25P03 and 25P04 a transaction, 55P03 a lock ran into its time limit; 40001 and 40P01 lost against another; 58030 the disk.
const UNLUCKY_SQLSTATE = /^(25P0[34]|40001|40P01|55P03|58030)$/;
const LOST_CONNECTION =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable|Driver not Connected|Cannot use a pool after calling end/;

/** True when the same may be asked again, and may well be answered: the database is away, or the statement was unlucky. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return isDatabaseAway(error) || isUnlucky(error) || isUnreadable(error);
}

/** True when the database has answered what cannot be read: a setting of it, or a hand in its tables. */
export function isUnreadable(error: unknown): boolean {
  return codeOf(error) === UNREADABLE_VALUE;
}

/** True when the server says that a statement has failed because of others, or of the disk: nothing of it was done. */
export function isUnlucky(error: unknown): boolean {
  return UNLUCKY_SQLSTATE.test(codeOf(error));
}

/** True when a transaction is isolated more strictly than another that has just committed allows (SQLSTATE 40001). */
export function isOverlapped(error: unknown): boolean {
  return codeOf(error) === '40001';
}

/** True when the database could not be asked at all, as opposed to refusing one statement. */
export function isDatabaseAway(error: unknown): boolean {
  // Not `instanceof`: a socket's error comes from Node itself, which in a sandbox has an Error of its own.
  if (!isNativeError(error)) return false;
  const { message = '' } = error as DatabaseErrorLike;
  const state = codeOf(error);
  return SOCKET_CODES.has(state) || UNAVAILABLE_SQLSTATE.test(state) || LOST_CONNECTION.test(message);
}

/** The SQLSTATE, or the code of the socket; that of the cause, where we have said it otherwise. */
function codeOf(error: unknown): string {
  const { code, driverError, cause } = (error ?? {}) as DatabaseErrorLike & { cause?: DatabaseErrorLike };
  return driverError?.code ?? code ?? cause?.code ?? '';
}

/** True when there is no word of the server (SQLSTATE) or of the system in it: an answer may still be to come. */
export function isSilent(error: unknown): boolean {
  return (error as DatabaseErrorLike | undefined)?.code === undefined;
}

/** True when we have stopped waiting for the answer to a statement; the server may still be at it. */
export function isUnanswered(error: unknown): boolean {
  return isNativeError(error) && error.message === 'Query read timeout';
}

/** True when the server says that it has given a statement up (SQLSTATE 57014): nothing of it was done. */
export function isGivenUp(error: unknown): boolean {
  return codeOf(error) === '57014';
}

/** True when a connection was not there in time, though nobody refused it. */
export function isSlowToConnect(error: unknown): boolean {
  return (
    isNativeError(error) && /due to connection timeout|timeout exceeded when trying to connect/.test(error.message)
  );
}

/** The name of the unique constraint a statement ran into, if it did (SQLSTATE 23505). */
export function violatedUniqueConstraint(error: unknown): string | undefined {
  const cause = (error as DatabaseErrorLike | undefined)?.driverError;
  return cause?.code === '23505' ? cause.constraint : undefined;
}

/**
 * An error as it may be logged. TypeORM hangs the bound parameters on it and PostgreSQL quotes values in `detail`:
 * neither is taken over.
 */
export function loggable(error: unknown): Record<string, unknown> {
  if (!isNativeError(error)) return { type: typeof error };
  if (error instanceof DatabaseUnavailableError && error.cause !== undefined) return loggable(error.cause);
  const seen: DatabaseErrorLike = error;
  const { name, message, stack, query, severity, driverError } = seen;
  // Only what PostgreSQL itself says has a severity; on its way through TypeORM it becomes the driver's error.
  const said = driverError ?? (severity === undefined ? undefined : seen);
  if (!said) return { name, message, stack };
  return {
    name,
    code: said.code,
    constraint: said.constraint,
    table: said.table,
    query,
    stack: frames(stack),
  };
}

/** The stack without its first lines, which repeat the message: PostgreSQL's messages may quote a value. */
function frames(stack: string | undefined): string | undefined {
  return stack?.match(/^ {4}at [^]*/m)?.[0];
}
