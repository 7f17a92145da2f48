import 'reflect-metadata';
import { bootstrap, refuseIssuedBefore, serve } from './server/run';
import { explain } from './server/start-error';

const COMMANDS: Record<string, typeof serve> = { bootstrap, 'refuse-issued-before': refuseIssuedBefore };
const command = COMMANDS[process.argv[2] ?? ''] ?? serve;

command((text) => process.stdout.write(`${text}\n`)).catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
