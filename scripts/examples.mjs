// Runs the tests of the examples, each with the packed package.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { compile, root, unpack } from './packed.mjs';

const examples = path.join(root, 'examples');
const names = readdirSync(examples).filter((name) => statSync(path.join(examples, name)).isDirectory());
const manifests = names.map((name) => JSON.parse(readFileSync(path.join(examples, name, 'package.json'), 'utf8')));
const packages = manifests.flatMap(({ dependencies, devDependencies }) =>
  Object.keys({ ...dependencies, ...devDependencies }).filter((name) => name !== 'latchkey'),
);
const dir = unpack('@types/ws', ...packages);
try {
  for (const [index, name] of names.entries()) {
    const out = compile(dir, name, path.join(examples, name), manifests[index].type);
    const { status } = spawnSync(process.execPath, ['--test', 'example.test.js'], { cwd: out, stdio: 'inherit' });
    if (status !== 0) throw new Error(`The example ${name} fails`);
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
