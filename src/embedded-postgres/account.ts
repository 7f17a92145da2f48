import * as fs from 'node:fs';
import { run } from './command';
import { EmbeddedPostgresError, errorCode } from './errors';

/** The unprivileged account under which root runs the server, because PostgreSQL refuses to run as root. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

const USUAL_ACCOUNTS = ['postgres', 'nobody'];

/** Undefined when this process is not root: the server then runs under the same account. */
export function pickAccount(requested: string | undefined): Account | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const known = readAccounts();
  if (requested !== undefined) return requireUnprivileged(requested, known.get(requested));
  for (const name of USUAL_ACCOUNTS) {
    const account = known.get(name);
    if (account !== undefined) return account;
  }
  throw new EmbeddedPostgresError(
    'PostgreSQL does not run as root and there is neither a "postgres" nor a "nobody" account, ' +
      'so run Latchkey as an ordinary user or set LATCHKEY_PG_USER to an unprivileged account.',
  );
}

function requireUnprivileged(name: string, account: Account | undefined): Account {
  if (account !== undefined && account.uid !== 0) return account;
  throw new EmbeddedPostgresError(
    `PostgreSQL cannot run as the account "${name}", which ${account ? 'is root' : 'does not exist'}, ` +
      'so set LATCHKEY_PG_USER to an existing unprivileged account.',
  );
}

// PostgreSQL itself looks its account up, so it could not use one that is missing from this file.
function readAccounts(): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const line of readIfThere('/etc/passwd').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid) accounts.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}

/** Minimal images have no such file. */
function readIfThere(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** Asks the kernel, because modes, groups and access lists together decide. */
export async function canEnter(path: string, account: Account | undefined): Promise<boolean> {
  if (account === undefined) return true;
  const { exitCode } = await run('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { account });
  return exitCode === 0;
}
