// Compiles on every change of a source, and starts the server again on every change of what was compiled.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const start = (...args) => spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });

const children = [
  start('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'),
  start('--watch', '--watch-preserve-output', 'dist/src/main.js'),
];
const stop = () => children.forEach((child) => child.kill('SIGTERM'));
for (const child of children) child.once('exit', stop);
// A terminal interrupts all of them itself; a supervisor tells only this one.
process.on('SIGINT', () => {});
process.on('SIGTERM', stop);
