import 'reflect-metadata';
import { runCommandLine } from './server/commands';
import { UsageError } from './server/commands/command';
import { installLogSinks } from './server/log-sink';
import { explain } from './server/start-error';

const LAST_LOGS_MS = 1_000;

const logs = installLogSinks();

async function main(): Promise<void> {
  const say = (text: string) => process.stdout.write(`${text}\n`);
  try {
    const isServing = await runCommandLine(process.argv.slice(2), { say, flush: logs.flush });
    if (isServing) return;
    process.exitCode = 0;
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
  await logs.flush(LAST_LOGS_MS);
  process.exit();
}

void main();
