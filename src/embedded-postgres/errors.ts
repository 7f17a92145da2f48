/** The message is one sentence that tells the operator what to do. */
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

/** Codes that say nothing against the directory itself. */
export const FULL = new Set(['ENOSPC', 'EDQUOT']);

// `instanceof Error` would fail under jest, whose sandbox has another Error than Node's own modules.
function stringProperty(error: unknown, name: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}

export function errorCode(error: unknown): string | undefined {
  return stringProperty(error, 'code');
}

/** How root runs something as another user, with its own environment. */
export function asUser({ uid, gid }: { uid: number; gid: number }): string {
  return ` (with setpriv --reuid=${uid} --regid=${gid} --clear-groups, or --user ${uid}:${gid} of a container)`;
}

/** The file that could not be used, if it is not the directory itself. */
export function atFile(error: unknown, dir: string): string {
  const file = stringProperty(error, 'path');
  return file === undefined || file === dir ? '' : ` at ${file}`;
}

export function unusableDirectory(dir: string, code: string, cause: unknown): EmbeddedPostgresError {
  const reason = UNUSABLE_DIRECTORY[code] ?? code;
  const cure = FULL.has(code) ? 'make room there' : 'make that directory writable';
  return new EmbeddedPostgresError(
    `Latchkey cannot keep its database in ${dir} because ${reason} (${code}${atFile(cause, dir)}), ` +
      `so ${cure} or set LATCHKEY_DATA_DIR to another.`,
    { cause },
  );
}

const PERMISSION_FLAGS: Record<string, string> = {
  ChildProcess: '--allow-child-process',
  WorkerThreads: '--allow-worker',
  FileSystemRead: '--allow-fs-read',
  FileSystemWrite: '--allow-fs-write',
};

/** Node's permission model forbids it. Neither the code nor the message of the error names the missing permission. */
export function deniedByNode(error: unknown): string {
  const permission = stringProperty(error, 'permission');
  if (!permission) {
    // No flag allows operations that Node disables altogether, such as writing a file out to the disk.
    const message = stringProperty(error, 'message')?.replace(/\.$/, '');
    return `Node's permission model does not let Latchkey keep its files (${message}), so start node without --permission.`;
  }
  const flag = PERMISSION_FLAGS[permission] ?? 'the permission for it';
  const what = [permission, stringProperty(error, 'resource')].filter(Boolean).join(' ');
  return `Node's permission model denies ${what}, so start node with ${flag} or without --permission.`;
}

function notRun(error: unknown, code: string): EmbeddedPostgresError {
  // Only a change of account fails like this: for a root without the capability, or in a user namespace.
  const problem = ['EPERM', 'EINVAL'].includes(code)
    ? `PostgreSQL does not run as root and this root may not run it as another account (${code}), ` +
      'so run Latchkey as an ordinary user'
    : `Latchkey cannot run ${stringProperty(error, 'path') ?? 'a command'} (${code}), which its PostgreSQL needs, ` +
      'so install that';
  return new EmbeddedPostgresError(`${problem} or set DATABASE_URL to a PostgreSQL server.`, { cause: error });
}

/** Turns any failure to start the server of `dir` into a sentence for the operator. */
export function explain(error: unknown, dir: string): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error;
  const code = errorCode(error) ?? '';
  if (code === 'ERR_ACCESS_DENIED') return new EmbeddedPostgresError(deniedByNode(error), { cause: error });
  if (stringProperty(error, 'syscall')?.startsWith('spawn')) return notRun(error, code);
  if (code in UNUSABLE_DIRECTORY) return unusableDirectory(dir, code, error);
  const message = stringProperty(error, 'message') ?? String(error);
  return new EmbeddedPostgresError(
    `The PostgreSQL in ${dir} does not start (${message}), so repair that or set DATABASE_URL to a PostgreSQL server.`,
    { cause: error },
  );
}
