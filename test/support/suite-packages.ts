import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';

interface Manifest {
  readonly version: string;
  readonly dependencies: Record<string, string>;
}

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Manifest;

/** Ends the run with one sentence when the packages of a suite are missing, or others than its manifest asks for. */
export function requireSuitePackages(suite: string): void {
  const dir = path.join(__dirname, '..', suite);
  const isInstalled = ([name, wanted]: [string, string]) => {
    const file = path.join(dir, 'node_modules', name, 'package.json');
    return existsSync(file) && wanted.endsWith(read(file).version);
  };
  const missing = Object.entries(read(path.join(dir, 'package.json')).dependencies).filter(
    (dependency) => !isInstalled(dependency),
  );
  if (missing.length === 0) return;
  process.stderr.write(`test/${suite} has packages of its own: install them with \`npm ci --prefix test/${suite}\`.\n`);
  process.exit(1);
}
