/** Its message is one sentence that tells the operator what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

const UNUSABLE_DIRECTORY: Record<string, string> = {
  EACCES: 'it may not be written',
  EPERM: 'it belongs to another user',
  EROFS: 'its file system is read-only',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'a part of the path is not a directory',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'the path is too long',
};

// An `instanceof Error` would fail under jest, whose sandbox has another Error than Node's own modules have.
function stringProperty(error: unknown, name: 'code' | 'message' | 'path' | 'syscall'): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}

export function errorCode(error: unknown): string | undefined {
  return stringProperty(error, 'code');
}

export function unusableDirectory(dir: string, code: string, cause: unknown): EmbeddedPostgresError {
  const reason = UNUSABLE_DIRECTORY[code] ?? code;
  return new EmbeddedPostgresError(
    `Latchkey cannot keep its database in ${dir} because ${reason} (${code}), ` +
      'so make that directory writable or set LATCHKEY_DATA_DIR to one that is.',
    { cause },
  );
}

function notRun(error: unknown, code: string): EmbeddedPostgresError {
  // Only a change of account is answered like this: by a root without the capability, or of a user namespace.
  const problem = ['EPERM', 'EINVAL'].includes(code)
    ? `PostgreSQL does not run as root and this root may not run it as another account (${code}), ` +
      'so run Latchkey as an ordinary user'
    : `Latchkey cannot run ${stringProperty(error, 'path') ?? 'a command'} (${code}), which its PostgreSQL needs, ` +
      'so install that';
  return new EmbeddedPostgresError(`${problem} or set DATABASE_URL to a PostgreSQL server.`, { cause: error });
}

/** Turns whatever went wrong while the server of `dir` was started into a sentence for the operator. */
export function explain(error: unknown, dir: string): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error;
  const code = errorCode(error) ?? '';
  if (stringProperty(error, 'syscall')?.startsWith('spawn')) return notRun(error, code);
  if (code in UNUSABLE_DIRECTORY) return unusableDirectory(dir, code, error);
  const message = stringProperty(error, 'message') ?? String(error);
  return new EmbeddedPostgresError(
    `The PostgreSQL in ${dir} does not start (${message}), so repair that or set DATABASE_URL to a PostgreSQL server.`,
    { cause: error },
  );
}
