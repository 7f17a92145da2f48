import { spawn } from 'node:child_process';
import type { Account } from './account';

export interface CommandResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  account: Account | undefined;
  input?: string;
  /** The directory to enter before switching to the account, which may have no access to it. */
  cwd?: string;
  /** A file descriptor of Latchkey that the command gets as its descriptor 3. */
  descriptor?: number;
}

/**
 * Nothing of the application's environment may reach the server: it can contain secrets, and PG* variables control the server.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { LC_ALL: 'C', HOME: '/' };
  if (process.env.PATH !== undefined) environment.PATH = process.env.PATH;
  if (process.env.TZ !== undefined) environment.TZ = process.env.TZ;
  return environment;
}

/**
 * The spawn options that make a child run as the account, in a directory that the account can always enter, unless the caller
 * names another.
 */
export function spawnAs(
  account: Account | undefined,
  cwd = '/',
): {
  cwd: string;
  env: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
} {
  const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  return { cwd, env: serverEnvironment(), ...identity };
}

/** Rejects only when the command cannot be run at all. */
export function run(command: string, args: string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...spawnAs(options.account, options.cwd),
      stdio: ['pipe', 'pipe', 'pipe', options.descriptor ?? 'ignore'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ exitCode: code ?? -1, stdout, stderr }));
    // A command that ends before it reads its input breaks the pipe. Its exit code says more.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
  });
}
