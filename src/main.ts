import 'reflect-metadata';
import { runCommandLine } from './server/commands';
import { UsageError } from './server/commands/command';
import { installLogSinks } from './server/log-sink';
import { ExitError, explain } from './server/start-error';

const LAST_LOGS_MS = 1_000;

const logs = installLogSinks();

async function main(): Promise<void> {
  const say = (text: string) => process.stdout.write(`${text}\n`);
  try {
    const isServing = await runCommandLine(process.argv.slice(2), { say, flush: logs.flush });
    if (isServing) return;
    process.exitCode ??= 0;
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
  await logs.flush(LAST_LOGS_MS);
  process.exit();
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  return error instanceof ExitError ? error.exitCode : 1;
}

void main();
