// Node 20 has no require(esm) inside jest's sandbox, and Nest 12 is ESM only. So everything runs as CommonJS here:
// our TypeScript, and every dependency whose package.json says "type": "module".
const fs = require('node:fs');
const path = require('node:path');

function esmPackages() {
  // Mercurius is CommonJS, but imports an ES module as it starts.
  const names = new Set(['mercurius']);
  const lock = JSON.parse(fs.readFileSync(path.join(__dirname, 'node_modules/.package-lock.json'), 'utf8'));
  for (const dir of Object.keys(lock.packages)) {
    const file = path.join(__dirname, dir, 'package.json');
    if (!fs.existsSync(file)) continue;
    if (JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module') {
      names.add(dir.slice(dir.lastIndexOf('node_modules/') + 'node_modules/'.length));
    }
  }
  return [...names].sort();
}

const common = { target: 'es2023', keepClassNames: true };
const commonjs = { swcrc: false, module: { type: 'commonjs' }, sourceMaps: 'inline' };

const project = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        ...commonjs,
        jsc: {
          ...common,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
        },
      },
    ],
    '^.+\\.m?js$': ['@swc/jest', { ...commonjs, jsc: { ...common, parser: { syntax: 'ecmascript' } } }],
  },
  transformIgnorePatterns: [`/node_modules/(?!.*/node_modules/)(?!(${esmPackages().join('|')})/)`],
};

module.exports = {
  // Generous: a machine that does other things too takes ten times as long.
  testTimeout: 60_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: '900MB',
  projects: [
    {
      ...project,
      displayName: 'unit',
      roots: ['<rootDir>/src', '<rootDir>/test'],
      testRegex: '\\.spec\\.ts$',
    },
    {
      ...project,
      displayName: 'e2e',
      roots: ['<rootDir>/test'],
      testRegex: '\\.e2e-spec\\.ts$',
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
      setupFiles: ['<rootDir>/test/support/own-database.ts'],
    },
    {
      // Kills and freezes real processes: run by `npm run test:resilience` alone, one file after the other.
      ...project,
      displayName: 'resilience',
      roots: ['<rootDir>/test/resilience'],
      testRegex: '\\.resilience-spec\\.ts$',
    },
  ],
};
