import { isDatabaseAway } from '../common/errors/database-errors';

/** Why the server does not start, in a sentence that says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** A reason somebody can act on, where we know one; the error itself where we do not. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (KNOWN.has(error.name)) return error.message;
  const fault = error as NodeJS.ErrnoException;
  if (fault.syscall === 'listen') return explainListen(fault);
  return explainDatabase(fault) ?? error.stack ?? error.message;
}

const KNOWN = new Set(['StartError', 'UsageError', 'OldSchemaError', 'EmbeddedPostgresError', 'LatchkeyOptionsError']);

function explainListen({ code, port, address }: NodeJS.ErrnoException & { port?: number; address?: string }): string {
  if (code === 'EADDRINUSE') return `Port ${port} is in use: stop what listens there, or set PORT to another.`;
  if (code === 'EACCES') return `Port ${port} may not be used by this account: set PORT to one above 1023.`;
  return `Cannot listen on ${address}: set HOST to an address of this machine (${code}).`;
}

function explainDatabase(error: NodeJS.ErrnoException): string | undefined {
  const { code = '' } = error;
  if (code === '28P01' || code === '28000') return 'The database refused the user or password of DATABASE_URL.';
  if (code === '3D000') return 'The database named by DATABASE_URL does not exist: create it.';
  if (!isDatabaseAway(error)) return undefined;
  return `The database of DATABASE_URL does not answer (${code || error.message}): check that it runs and can be reached.`;
}
