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
const LOST_CONNECTION =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable|Driver not Connected|Cannot use a pool after calling end/;
/**
 * What TypeORM throws at the next statement when a connection has died between two statements of a transaction. By name, since
 * a host's manager may come from another copy of TypeORM.
 */
const LOST_IN_TRANSACTION = new Set(['QueryRunnerAlreadyReleasedError', 'QueryRunnerProviderAlreadyReleasedError']);

/**
 * What a statement can have against it whatever the database holds: the number of its rows (21), its values (22), a constraint
 * (23, 44), what a trigger raises (P0). Asked again it would fail again. Text that the encoding of the database cannot hold is
 * the one exception.
 */
const OWN_CLASS = /^(21|22(?!P05)|23|44|P0)...$/;
/** How the migrations name constraints. One of another name is a hand's: what it refuses is no mistake of the statement. */
const OWN_CONSTRAINT = /^(pk|fk|uq|ck|ix)_/;
/**
 * Of class 42 only how the statement is written: syntax, names that are too long, said twice or ambiguous, grouping, parameters
 * without a type. Everything else in it says that the schema lacks something, or that we may not touch it: it was renamed,
 * dropped, is being restored or upgraded, or grants were taken away.
 */
const OWN_WORDING = /^42(601|602|611|622|701|702|712|803|P02|P08|P18|P19|P20)$/;
/** No class begins with E, as the codes of the system do. */
const SQLSTATE = /^(?!E)[0-9A-Z]{5}$/;
// 08 connection exception, 53 insufficient resources, 57P operator intervention.
const NO_ANSWER = /^(08|53|57P)/;
// 25P03 and 25P04 a transaction, 55P03 a lock ran into its time limit; 40001 and 40P01 lost against another; 58030 the disk.
const UNLUCKY_SQLSTATE = /^(25P0[34]|40001|40P01|55P03|58030)$/;

const BUGS = ['TypeError', 'RangeError', 'ReferenceError'];

/** Errors that came up before a connection was there, whatever they are: TLS, names, passwords, a server of another kind. */
const whileConnecting = new WeakSet<object>();

/** Notes that an error came up while a connection was made. */
export function noteWhileConnecting<E>(error: E): E {
  if (typeof error === 'object' && error !== null) whileConnecting.add(error);
  return error;
}

/**
 * True when the same may be asked again, and may well be answered: whatever keeps us from asking, but for our own mistakes. No
 * list of what that can be would ever be whole, so that what a mistake of ours looks like is listed, and the rest is this.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (isUnreadable(error)) return true;
  return comesFromDatabase(error) && !isOwnMistake(error);
}

/** True when the database has answered what cannot be read: a setting of it, or a hand in its tables. */
export function isUnreadable(error: unknown): boolean {
  return codeOf(error) === UNREADABLE_VALUE;
}

/** True when an error of the database, or of the way to it, is the fault of the statement that was asked. */
export function isOwnMistake(error: unknown): boolean {
  if (!isNativeError(error) || whileConnecting.has(error)) return false;
  const { driverError } = error as DatabaseErrorLike;
  const said: DatabaseErrorLike = driverError ?? error;
  const { code = '', name = '' } = said;
  if (SQLSTATE.test(code)) return isOwnState(said);
  // A value that cannot be sent, or a bug. An answer that cannot be read is a SyntaxError: it may be readable another time.
  return BUGS.includes(name);
}

function isOwnState({ code = '', constraint }: DatabaseErrorLike): boolean {
  if (code.startsWith('23') && constraint !== undefined) return OWN_CONSTRAINT.test(constraint);
  return OWN_CLASS.test(code) || OWN_WORDING.test(code);
}

function comesFromDatabase(error: unknown): boolean {
  // Not `instanceof`: a socket's error comes from Node itself, which in a sandbox has an Error of its own.
  if (!isNativeError(error)) return false;
  const { driverError, code = '' } = error as DatabaseErrorLike;
  return driverError !== undefined || SQLSTATE.test(code) || isOfTheWay(error);
}

/** True when the database could not be asked at all: for telling why a process does not start. */
export function isDatabaseAway(error: unknown): boolean {
  return isNativeError(error) && (isOfTheWay(error) || NO_ANSWER.test(codeOf(error)));
}

function isOfTheWay(error: Error): boolean {
  if (whileConnecting.has(error) || LOST_IN_TRANSACTION.has(error.name)) return true;
  return SOCKET_CODES.has(codeOf(error)) || LOST_CONNECTION.test(error.message);
}

/** True when the server says that the user may not do what was asked. */
export function isRightMissing(error: unknown): boolean {
  return codeOf(error) === '42501';
}

/** True when the server says that a statement has failed because of others, or of the disk: nothing of it was done. */
export function isUnlucky(error: unknown): boolean {
  return UNLUCKY_SQLSTATE.test(codeOf(error));
}

/** True when a transaction is isolated more strictly than another that has just committed allows (SQLSTATE 40001). */
export function isOverlapped(error: unknown): boolean {
  return codeOf(error) === '40001';
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
    isNativeError(error) &&
    /due to connection timeout|timeout exceeded when trying to connect|timeout expired/.test(error.message)
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
