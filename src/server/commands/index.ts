import { type Output, serve } from '../run';
import { AUDIT_VERIFY } from './audit-verify';
import { BOOTSTRAP } from './bootstrap';
import { type Command, readArguments, UsageError } from './command';
import { ISSUE_ADMIN_TOKEN } from './issue-admin-token';
import { REFUSE_ISSUED_BEFORE } from './refuse-issued-before';

/** The commands that the server knows. */
const COMMANDS: readonly Command[] = [BOOTSTRAP, ISSUE_ADMIN_TOKEN, REFUSE_ISSUED_BEFORE, AUDIT_VERIFY];

/**
 * Does what the command line asks for. Without a command, it starts the server.
 *
 * @returns whether the process is a server now, and continues to run.
 * @throws UsageError
 */
export async function runCommandLine(args: readonly string[], output: Output): Promise<boolean> {
  const [name, ...rest] = args;
  if (name === undefined) {
    await serve(output);
    return true;
  }
  await runCommand(name, rest, output.say);
  return false;
}

async function runCommand(name: string, args: readonly string[], say: Output['say']): Promise<void> {
  if (name === '--help' || name === '-h') return say(overview());
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) throw new UsageError(`There is no command ${JSON.stringify(name)}.\n\n${overview()}`);
  const given = readArguments(command, args);
  if (given.options.help === true) return say(`${command.name}\n\n${command.help}`);
  return command.run(say, given);
}

function overview(): string {
  const names = COMMANDS.map(({ name }) => `  ${name}`);
  return ['Without a command the server starts. The commands, each with --help:', ...names].join('\n');
}
