import 'reflect-metadata';
import { installLogSinks } from './server/log-sink';
import { bootstrap, refuseIssuedBefore, serve } from './server/run';
import { explain } from './server/start-error';

const LAST_WORDS_MS = 1_000;
const COMMANDS: Record<string, typeof serve> = { bootstrap, 'refuse-issued-before': refuseIssuedBefore };

const logs = installLogSinks();
const command = COMMANDS[process.argv[2] ?? ''] ?? serve;

async function main(): Promise<void> {
  try {
    await command({ say: (text) => process.stdout.write(`${text}\n`), flush: logs.flush });
    // The server goes on; another command has done what it was asked to.
    if (command === serve) return;
    process.exitCode = 0;
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
  await logs.flush(LAST_WORDS_MS);
  process.exit();
}

void main();
