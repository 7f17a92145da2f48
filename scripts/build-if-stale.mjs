// Builds only when a source is newer than the last build, so that a second `npm start` answers at once, and an installation
// without what a build needs starts as long as it has one.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const at = (name) => path.join(root, name);
const sources = [
  'src',
  'migrations',
  'ormconfig.ts',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
];

/** 0 for what is not there: an image may hold the build alone. */
function newest(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0;
  return Math.max(stat.mtimeMs, ...readdirSync(file).map((name) => newest(path.join(file, name))));
}

function builtAt() {
  if (!existsSync(at('dist/src/main.js'))) return 0;
  return newest(at('dist/.tsbuildinfo')) || newest(at('dist/src'));
}

/** Installed with NODE_ENV=production, or with --omit=dev, npm leaves out what only a build needs. */
function missingTools() {
  const [command] = JSON.parse(readFileSync(at('package.json'), 'utf8')).scripts.build.split(' ');
  const isThere = (name) => existsSync(at(`node_modules/${name}`));
  const missing = ['typescript', '@types/node'].filter((name) => !isThere(name));
  if (command !== 'node' && !isThere(`.bin/${command}`)) missing.push(command);
  return missing;
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function build() {
  const missing = missingTools();
  if (missing.length > 0) {
    const state = builtAt() === 0 ? 'has not been built' : 'has changed since it was built';
    fail(
      `Latchkey ${state}, and what a build needs is not installed (${missing.join(', ')}): run npm ci --include=dev`,
    );
  }
  // The compiler writes nothing that it believes to have written.
  if (builtAt() === 0) rmSync(at('dist/.tsbuildinfo'), { force: true });
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail('Latchkey could not be built, for the reason above.');
}

if (Math.max(...sources.map((source) => newest(at(source)))) > builtAt()) build();
