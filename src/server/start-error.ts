import { isDatabaseAway } from '../common/errors/database-errors';
import { deniedByNode } from '../embedded-postgres/errors';

/** The reason why the server does not start, in a sentence that says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The result of a command that is not a success: a sentence, and the code with which the process ends. */
export class ExitError extends Error {
  override readonly name = 'ExitError';

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** A reason on which the operator can act, if there is one; otherwise the error itself. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (KNOWN.has(error.name)) return error.message;
  const fault = error as NodeJS.ErrnoException;
  if (fault.code === 'ERR_ACCESS_DENIED') return deniedByNode(fault);
  if (fault.syscall === 'listen') return explainListen(fault);
  return explainDatabase(fault) ?? error.stack ?? error.message;
}

const KNOWN = new Set([
  'StartError',
  'ExitError',
  'UsageError',
  'OldSchemaError',
  'EmbeddedPostgresError',
  'LatchkeyOptionsError',
  'UnfitDatabaseError',
]);

function explainListen({ code, port, address }: NodeJS.ErrnoException & { port?: number; address?: string }): string {
  if (code === 'EADDRINUSE') return `Port ${port} is in use: stop what listens there, or set PORT to another.`;
  if (code === 'EACCES') return `Port ${port} may not be used by this account: set PORT to one above 1023.`;
  return `Cannot listen on ${address}: set HOST to an address of this machine (${code}).`;
}

function explainDatabase(error: NodeJS.ErrnoException): string | undefined {
  const { code = '', message } = error;
  const known = SENTENCES.find(([codes, words]) => codes.test(code) && words.test(message));
  if (known !== undefined) return known[2].replaceAll('CODE', code).replaceAll('MESSAGE', message);
  if (!isDatabaseAway(error)) return undefined;
  return `The database of DATABASE_URL does not answer (${code || message}): check that it runs and can be reached.`;
}

/**
 * By code and text, the first that fits. First come faults of encryption: a connection that should have been encrypted and was
 * not, or the other way round.
 */
const SENTENCES: readonly (readonly [codes: RegExp, words: RegExp, sentence: string])[] = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE)$/,
    /^/,
    "The certificate of the database is signed by an authority that is not trusted (CODE): name that authority's file as sslrootcert in DATABASE_URL.",
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    /^/,
    'The certificate of the database is not valid today (CODE): renew it, or set the clock of this machine.',
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    /^/,
    'The certificate of the database is for another host name: use that name in DATABASE_URL, or have a certificate made for this one.',
  ],
  [
    /^/,
    /server does not support SSL/,
    'The database does not speak TLS, which DATABASE_URL asks for: switch it on there, or say sslmode=disable.',
  ],
  [
    /^28/,
    /no encryption|SSL off/,
    'The database accepts no connection without TLS from this machine (pg_hba.conf): add sslmode=verify-full to DATABASE_URL.',
  ],
  [
    /^(ERR_(OSSL|SSL|TLS)\w*|EPROTO)$/,
    /^/,
    'The TLS connection to the database failed (CODE): check sslmode, sslrootcert, sslcert and sslkey of DATABASE_URL.',
  ],
  [/^(28P01|28000)$/, /^/, 'The database refused the user or password of DATABASE_URL.'],
  [/^3D000$/, /^/, 'The database named by DATABASE_URL does not exist: create it.'],
  [
    /^25006$/,
    /^/,
    'The database of DATABASE_URL is read-only (a standby, or default_transaction_read_only): name the primary.',
  ],
  [/^42501$/, /^/, 'The database refuses its user a right (MESSAGE): GRANT it, or have that user own the schema.'],
];
