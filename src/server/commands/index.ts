import { type Output, serve } from '../run';
import { ADMIN_TOKEN } from './admin-token';
import { AUDIT_VERIFY } from './audit-verify';
import { BACKUP } from './backup';
import { BOOTSTRAP } from './bootstrap';
import { CHECK_CONFIG } from './check-config';
import type { Command } from './command';
import { MIGRATE } from './migrate';
import { Program } from './program';
import { REFUSE_ISSUED_BEFORE } from './refuse-issued-before';
import { RESTORE } from './restore';
import { STATUS } from './status';

/** The commands that the server knows, in the order in which an operator meets them. */
export const COMMANDS: readonly Command[] = [
  CHECK_CONFIG,
  BOOTSTRAP,
  STATUS,
  ADMIN_TOKEN,
  BACKUP,
  RESTORE,
  REFUSE_ISSUED_BEFORE,
  MIGRATE,
  AUDIT_VERIFY,
];

/**
 * Does what the command line asks for. Without a command, or with `serve`, it starts the server.
 *
 * @returns whether the process is a server now, and continues to run.
 * @throws UsageError
 */
export async function runCommandLine(args: readonly string[], output: Output): Promise<boolean> {
  if (args.length === 0 || (args.length === 1 && args[0] === 'serve')) {
    await serve(output);
    return true;
  }
  const asked = new Program(COMMANDS).read(args);
  if (typeof asked === 'string') output.say(asked);
  else await asked.command.run(output.say, asked.given);
  return false;
}
