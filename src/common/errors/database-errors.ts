import { isNativeError } from 'node:util/types';
import { DatabaseUnavailableError } from './common.errors';
import { UNREADABLE_VALUE } from './unreadable-value.error';

/** node-postgres and TypeORM errors, reduced to the fields that matter here. */
interface DatabaseErrorLike {
  readonly name?: string;
  readonly code?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly query?: string;
  readonly severity?: string;
  /** The functions that the server was running, innermost first. */
  readonly where?: string;
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
 * TypeORM throws these at the next statement when a connection has died between two statements of a transaction. They are
 * recognised by name, because a host's manager may come from another copy of TypeORM.
 */
const LOST_IN_TRANSACTION = new Set(['QueryRunnerAlreadyReleasedError', 'QueryRunnerProviderAlreadyReleasedError']);

/**
 * Faults of a statement that do not depend on the state of the database: the number of its rows (21), its values (22), a
 * constraint (23, 44). A repetition would fail again. Text that the encoding of the database cannot hold is the one exception.
 */
const OWN_CLASS = /^(21|22(?!P05)|23|44)...$/;
/**
 * Faults of a value that only a manual change of the schema explains. Latchkey's columns are as long and as wide as its input rules
 * allow, and its statements name every column that has no default. So a column was added (23502), shortened (22001) or narrowed
 * (22003).
 */
const ALTERED_COLUMN = /^(23502|22001|22003)$/;
/**
 * The server names a function in this way, in every language it speaks: `PL/pgSQL function audit.note() line 3 at RAISE`, `SQL
 * function "note" statement 1`. Latchkey's functions raise no such errors, so the function is a trigger that was added by hand.
 */
const IN_FUNCTION = /\bPL\/\w|(^|\n)SQL[- ]\S+ ["«»“„']/;
/**
 * The names that the migrations give constraints. A constraint with another name was added by hand; its refusal is not a
 * mistake of the statement.
 */
const OWN_CONSTRAINT = /^(pk|fk|uq|ck|ix)_/;
/**
 * From class 42 only mistakes in the text of the statement: syntax, names that are too long, duplicate or ambiguous, grouping,
 * parameters without a type. All other codes of the class say that the schema lacks something, or that Latchkey may not access
 * it: it was renamed, dropped, is being restored or upgraded, or grants were removed.
 */
const OWN_WORDING = /^42(601|602|611|622|701|702|712|803|P02|P08|P18|P19|P20)$/;
/** No SQLSTATE class begins with E, unlike the codes of the operating system. */
const SQLSTATE = /^(?!E)[0-9A-Z]{5}$/;
// 08 connection exception, 53 insufficient resources, 57P operator intervention.
const NO_ANSWER = /^(08|53|57P)/;
// 25P03 and 25P04: a transaction took too long. 55P03: a lock did. 40001 and 40P01: the transaction lost against another.
// 58030: the disk.
const UNLUCKY_SQLSTATE = /^(25P0[34]|40001|40P01|55P03|58030)$/;

const BUGS = ['TypeError', 'RangeError', 'ReferenceError'];

/** Errors from before a connection was established, of any kind: TLS, names, passwords, a different kind of server. */
const whileConnecting = new WeakSet<object>();

/** Marks an error as one from before a connection was established. */
export function noteWhileConnecting<E>(error: E): E {
  if (typeof error === 'object' && error !== null) whileConnecting.add(error);
  return error;
}

/**
 * True when the same request can be repeated and may then be answered: everything that keeps Latchkey from asking, except
 * Latchkey's own mistakes. A list of all such reasons would never be complete. So the mistakes are listed, and everything else
 * counts as such a reason.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (isUnreadable(error)) return true;
  return comesFromDatabase(error) && !isOwnMistake(error);
}

/** True when the database's answer cannot be read: because of one of its settings, or a change by hand in its tables. */
export function isUnreadable(error: unknown): boolean {
  return codeOf(error) === UNREADABLE_VALUE;
}

/** True when an error of the database, or of the connection to it, is the fault of the statement. */
export function isOwnMistake(error: unknown): boolean {
  if (!isNativeError(error) || whileConnecting.has(error)) return false;
  const { driverError } = error as DatabaseErrorLike;
  const said: DatabaseErrorLike = driverError ?? error;
  const { code = '', name = '' } = said;
  if (SQLSTATE.test(code)) return isOwnState(said);
  // A value that cannot be sent, or a bug. An answer that cannot be read is a SyntaxError; it may be readable another time.
  return BUGS.includes(name);
}

function isOwnState({ code = '', constraint, where = '' }: DatabaseErrorLike): boolean {
  if (IN_FUNCTION.test(where) || ALTERED_COLUMN.test(code)) return false;
  if (code.startsWith('23') && constraint !== undefined) return OWN_CONSTRAINT.test(constraint);
  return OWN_CLASS.test(code) || OWN_WORDING.test(code);
}

function comesFromDatabase(error: unknown): boolean {
  // Not `instanceof`: a socket's error comes from Node itself, and a sandbox has an Error class of its own.
  if (!isNativeError(error)) return false;
  const { driverError, code = '' } = error as DatabaseErrorLike;
  return driverError !== undefined || SQLSTATE.test(code) || isOfTheWay(error);
}

/** True when the database could not be asked at all. It explains why a process does not start. */
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

/** True when the server says that a statement failed because of other transactions or the disk: none of it was done. */
export function isUnlucky(error: unknown): boolean {
  return UNLUCKY_SQLSTATE.test(codeOf(error));
}

/** True when a transaction is isolated more strictly than another, just committed, transaction allows (SQLSTATE 40001). */
export function isOverlapped(error: unknown): boolean {
  return codeOf(error) === '40001';
}

/** The SQLSTATE or the socket's code. Where Latchkey replaced the error, that of its cause. */
function codeOf(error: unknown): string {
  const { code, driverError, cause } = (error ?? {}) as DatabaseErrorLike & { cause?: DatabaseErrorLike };
  return driverError?.code ?? code ?? cause?.code ?? '';
}

/** True when the error carries no code of the server (SQLSTATE) or of the system: an answer may still come. */
export function isSilent(error: unknown): boolean {
  return (error as DatabaseErrorLike | undefined)?.code === undefined;
}

/** True when Latchkey stopped waiting for the answer to a statement; the server may still be working on it. */
export function isUnanswered(error: unknown): boolean {
  return isNativeError(error) && error.message === 'Query read timeout';
}

/** True when the server says that it gave up a statement (SQLSTATE 57014): none of it was done. */
export function isGivenUp(error: unknown): boolean {
  return codeOf(error) === '57014';
}

/** True when a connection was not established in time, although no server refused it. */
export function isSlowToConnect(error: unknown): boolean {
  return (
    isNativeError(error) &&
    /due to connection timeout|timeout exceeded when trying to connect|timeout expired/.test(error.message)
  );
}

/**
 * An error as it may be logged. TypeORM attaches the bound parameters and PostgreSQL quotes values in `detail`: neither is
 * taken over.
 */
export function loggable(error: unknown): Record<string, unknown> {
  if (!isNativeError(error)) return { type: typeof error };
  if (error instanceof DatabaseUnavailableError && error.cause !== undefined) return loggable(error.cause);
  const seen: DatabaseErrorLike = error;
  const { name, message, stack, query, severity, driverError } = seen;
  // Only errors of PostgreSQL itself have a severity; TypeORM passes them on as the driver's error.
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
