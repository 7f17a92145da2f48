// Unpacks the package as `npm install` of its tarball would, into a directory of its own, with the packages a host has beside it.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The path of the tarball: the one `PACKED_TARBALL` names, or one that is made in this directory. */
export function pack(dir) {
  if (process.env.PACKED_TARBALL) return process.env.PACKED_TARBALL;
  execFileSync(process.execPath, [path.join(root, 'scripts/build-if-stale.mjs')], { stdio: 'inherit' });
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir], {
    cwd: root,
    stdio: 'ignore',
  });
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return path.join(dir, `latchkey-${version}.tgz`);
}

/** The directory. Whatever the package needs and does not declare is not found from there. */
export function unpack(...hostPackages) {
  return unpackInto([root], hostPackages);
}

/** The same with the packages of a host that has others than this checkout: those of `suite` come before the root's. */
export function unpackBeside(suite, ...hostPackages) {
  return unpackInto([path.join(root, suite), root], hostPackages);
}

function unpackInto(homes, hostPackages) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'latchkey-packed-'));
  const modules = path.join(dir, 'node_modules');
  mkdirSync(path.join(modules, 'latchkey'), { recursive: true });
  const tarball = pack(dir);
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', path.join(modules, 'latchkey')]);
  for (const name of new Set([...Object.keys({ ...dependencies, ...peerDependencies }), ...hostPackages])) {
    const installed = homes.map((home) => path.join(home, 'node_modules', name)).find(existsSync);
    if (installed === undefined) continue;
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(installed, path.join(modules, name));
  }
  return dir;
}

/** Compiles the TypeScript of a directory there, as CommonJS or ESM, against the types of the package. */
export function compile(dir, name, sources, type) {
  const out = path.join(dir, name);
  cpSync(sources, out, {
    recursive: true,
    filter: (file) => !/node_modules|package-lock\.json$/.test(file.slice(sources.length)),
  });
  writeFileSync(path.join(out, 'package.json'), JSON.stringify({ name, private: true, type }));
  const compilerOptions = {
    target: 'ES2023',
    module: 'nodenext',
    strict: true,
    noUncheckedIndexedAccess: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    skipLibCheck: true,
    types: ['node'],
  };
  writeFileSync(path.join(out, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts'] }));
  const { status } = spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', out], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`${name} does not compile against the package`);
  return out;
}
