// Node 20 has no require(esm) inside jest's sandbox, and Nest 12 is ESM only. So everything runs as CommonJS here:
// our TypeScript, and every dependency whose package.json says "type": "module".
const fs = require('node:fs');
const path = require('node:path');

/** Suites with packages of their own, which `npm ci` at the root does not install. */
const SUITES = ['clients', 'sockets', 'console'];

function esmPackages() {
  // Mercurius is CommonJS, but imports an ES module as it starts.
  const names = new Set(['mercurius']);
  for (const root of ['.', ...SUITES.map((suite) => `test/${suite}`)]) {
    const lockFile = path.join(__dirname, root, 'node_modules/.package-lock.json');
    if (!fs.existsSync(lockFile)) continue;
    for (const dir of Object.keys(JSON.parse(fs.readFileSync(lockFile, 'utf8')).packages)) {
      const file = path.join(__dirname, root, dir, 'package.json');
      if (!fs.existsSync(file)) continue;
      if (JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module') {
        names.add(dir.slice(dir.lastIndexOf('node_modules/') + 'node_modules/'.length));
      }
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

const PACKAGE = '/test/public-api\\.spec\\.ts$';

/** Where compiled files are kept from one checkout to the next: then a project's id must be the same in both. */
const cacheDirectory = process.env.JEST_CACHE_FOR_CI;
const named = (name) => ({ displayName: name, ...(cacheDirectory && { id: `latchkey-${name}` }) });

const onDatabase = {
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  setupFiles: ['<rootDir>/test/support/own-database.ts'],
};

// In jest's own process the global set-up has loaded packages compiled for it. Two of each would not know each other.
const isInBand = process.argv.some((argument) => ['-i', '--runInBand', '--detectOpenHandles'].includes(argument));

/** Packages are loaded once for each worker, and not once for each file. */
const sharingPackages = isInBand
  ? {}
  : {
      runtime: '<rootDir>/test/support/shared-packages-runtime.cjs',
      testEnvironment: '<rootDir>/test/support/shared-packages-environment.cjs',
    };

module.exports = {
  // Generous: a machine that does other things too takes ten times as long.
  testTimeout: 60_000,
  maxWorkers: 2,
  testSequencer: '<rootDir>/test/support/longest-first.cjs',
  workerIdleMemoryLimit: '900MB',
  ...(cacheDirectory && { cacheDirectory }),
  projects: [
    {
      ...project,
      ...named('unit'),
      roots: ['<rootDir>/src', '<rootDir>/test'],
      testRegex: '\\.spec\\.ts$',
      testPathIgnorePatterns: ['/node_modules/', PACKAGE],
    },
    {
      // Compiles the public types and lists what is packed: as slow as all unit tests together.
      ...project,
      ...named('package'),
      roots: ['<rootDir>/test'],
      testRegex: PACKAGE,
    },
    {
      ...project,
      ...onDatabase,
      ...sharingPackages,
      ...named('e2e'),
      roots: ['<rootDir>/test'],
      testRegex: '/test/[^/]+\\.e2e-spec\\.ts$',
      globalSetup: '<rootDir>/test/support/global-setup.ts',
    },
    ...SUITES.map((suite) => ({
      ...project,
      ...onDatabase,
      ...named(suite),
      roots: [`<rootDir>/test/${suite}`],
      testRegex: '\\.e2e-spec\\.ts$',
      globalSetup: `<rootDir>/test/${suite}/global-setup.ts`,
      // Nest is the root's, the only one there is, and finds here what it loads by name: a driver, a transport.
      modulePaths: [`<rootDir>/test/${suite}/node_modules`],
    })),
    {
      // Needs a kube-apiserver: run by `npm run test:kubernetes` alone.
      ...project,
      ...onDatabase,
      ...named('kubernetes'),
      roots: ['<rootDir>/test/kubernetes'],
      testRegex: '\\.e2e-spec\\.ts$',
      globalSetup: '<rootDir>/test/support/global-setup.ts',
    },
    {
      // Kills and freezes real processes: run by `npm run test:resilience` alone, one file after the other.
      ...project,
      ...named('resilience'),
      roots: ['<rootDir>/test/resilience'],
      testRegex: '\\.resilience-spec\\.ts$',
    },
  ],
};
