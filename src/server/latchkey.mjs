#!/usr/bin/env node
// The command `latchkey` of a checkout: `npx latchkey …`.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../../dist/src/main.js', import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  process.stderr.write('Latchkey has not been built: run `npm run build`.\n');
  process.exit(1);
}
await import(main);
