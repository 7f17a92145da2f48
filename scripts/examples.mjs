// Installs the packed package into the examples, and into what docs/embedding.md says, with npm and from nothing but their own
// manifests; then builds them and runs their tests.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pack, root } from './packed.mjs';

const TSC = {
  target: 'ES2023',
  module: 'nodenext',
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

const examples = path.join(root, 'examples');
const dir = mkdtempSync(path.join(os.tmpdir(), 'latchkey-examples-'));
const tarball = pack(dir);

function run(cwd, command, ...args) {
  console.log(`${path.basename(cwd)}: ${[command, ...args].join(' ').replace(tarball, 'latchkey')}`);
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** The ranges of a host that is a major version behind. */
function older(dependencies) {
  const ranges = Object.entries(dependencies).map(([name, range]) => {
    if (name === 'typeorm') return [name, '^0.3.20'];
    return [name, name.startsWith('@nestjs/') ? range.replace('^12.0.0', '^11.0.0') : range];
  });
  return Object.fromEntries(ranges);
}

/** The development packages and the configuration with which `nest new` of Nest 11 makes an application: CommonJS and jest. */
const JEST = { jest: '^30.0.0', 'ts-jest': '^29.2.5', '@types/jest': '^30.0.0', typescript: '^5.7.3' };
const JEST_CONFIG = {
  rootDir: '.',
  testRegex: '(src|test)/.*spec\\.ts$',
  moduleFileExtensions: ['js', 'json', 'ts'],
  transform: { '^.+\\.(t|j)s$': 'ts-jest' },
  testEnvironment: 'node',
};

/** Turns what `nest new` of Nest 12 makes into what it made before. */
function asNest11Makes(out, manifest) {
  const { vitest: _, ...others } = manifest.devDependencies;
  delete manifest.type;
  Object.assign(manifest, { devDependencies: { ...older(others), ...JEST }, jest: JEST_CONFIG });
  manifest.scripts.test = 'jest';
  rmSync(path.join(out, 'vitest.config.mjs'));
  const rewrite = (file, change) => writeFileSync(file, change(readFileSync(file, 'utf8')));
  rewrite(path.join(out, 'tsconfig.json'), (text) => text.replace('vitest/globals', 'jest'));
  for (const file of readdirSync(out, { recursive: true }).filter((one) => one.endsWith('.ts')))
    rewrite(path.join(out, file), (text) => text.replace(/(from '\..*)\.js'/g, "$1'"));
}

function testExample(name, isOlder = false) {
  const out = path.join(dir, isOlder ? `${name}-nest-11` : name);
  cpSync(path.join(examples, name), out, { recursive: true });
  const manifest = JSON.parse(readFileSync(path.join(out, 'package.json'), 'utf8'));
  if (isOlder) manifest.dependencies = older(manifest.dependencies);
  if (isOlder && name === 'nest-new') asNest11Makes(out, manifest);
  manifest.dependencies.latchkey = `file:${tarball}`;
  writeFileSync(path.join(out, 'package.json'), JSON.stringify(manifest));
  run(out, 'npm', 'install', '--no-audit', '--no-fund', '--loglevel=error');
  run(out, 'npm', 'run', '--silent', 'build');
  run(out, 'npm', 'test', '--silent');
}

/** The first block of a language under a heading. */
function block(document, heading, language) {
  const [found] = new RegExp(`\n##+ ${heading}\n`).exec(document) ?? [];
  if (found === undefined) throw new Error(`docs/embedding.md has no heading ${heading}`);
  const section = document.slice(document.indexOf(found));
  const fence = `\n\`\`\`${language}\n`;
  const start = section.indexOf(fence) + fence.length;
  return section.slice(start, section.indexOf('\n```', start) + 1);
}

/** The ten lines and the test, word for word, in an application that had nothing before. */
function testDocs() {
  const document = readFileSync(path.join(root, 'docs/embedding.md'), 'utf8');
  const out = path.join(dir, 'docs');
  mkdirSync(out);
  const write = (name, text) => writeFileSync(path.join(out, name), text);
  const install = (line, ...more) => {
    const words = line.replace(/#.*/, '').trim().replace('npm install latchkey', `npm install ${tarball}`).split(/\s+/);
    run(out, ...words, ...more, '--no-audit', '--no-fund', '--loglevel=error');
  };
  write('package.json', JSON.stringify({ name: 'docs', private: true, type: 'module' }));
  // Here libraries are checked too: the declarations must need nothing that the package does not bring.
  write('tsconfig.json', JSON.stringify({ compilerOptions: { ...TSC, types: ['node'] }, include: ['*.ts'] }));
  const fresh = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'reflect-metadata', 'rxjs'];
  install('npm install', ...fresh, '@types/node@20', 'typescript@6.0');
  install(block(document, '1. Install', 'bash'));
  const platform = `${process.platform}-${process.arch}`;
  install(block(document, 'Tests with a real database', 'bash').replace('linux-x64', platform));
  write('app.module.ts', block(document, '2. Ten lines and the first guarded route', 'ts'));
  write('app.test.ts', block(document, 'Tests with a real database', 'ts'));
  run(out, 'npx', 'tsc');
  run(out, 'node', '--test', 'app.test.js');

  install('npm install --save-dev jest @swc/core @swc/jest');
  write('jest.config.cjs', block(document, 'Tests with a real database', 'js'));
  const test = block(document, 'Tests with a real database', 'ts');
  const jest = test.replace('after, before, test', 'afterAll as after, beforeAll as before, test');
  write('app.test.ts', jest.replace('node:test', '@jest/globals'));
  for (const name of ['app.module.js', 'app.test.js']) rmSync(path.join(out, name));
  run(out, 'npx', 'jest', '--testTimeout', '60000');
}

try {
  testDocs();
  for (const name of readdirSync(examples)) if (statSync(path.join(examples, name)).isDirectory()) testExample(name);
  // Two are enough to see that npm lets the package in there, TypeScript its types, and jest as Nest 11 sets it up its code. The
  // rest is proved by scripts/hosts.mjs.
  for (const name of ['nest-new', 'rest-api']) testExample(name, true);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
