import 'reflect-metadata';
import { bootstrap, serve } from './server/run';
import { explain } from './server/start-error';

const command = process.argv[2] === 'bootstrap' ? bootstrap : serve;

command((text) => process.stdout.write(`${text}\n`)).catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
