const { ModuleMocker } = require('jest-mock');

/** What libraries keep there of the classes they have seen: those of a file are of no use to the next. */
const REGISTRIES = ['typeormMetadataArgsStorage', 'classValidatorMetadataStorage'];

/**
 * The realm of the worker itself, so that a file can share the packages that were loaded for the one before it (see
 * `shared-packages-runtime.cjs`): with a realm of its own, `instanceof` would not know what they make. Each file finds the global
 * object and the environment variables as the first did.
 */
module.exports = class SharedPackagesEnvironment {
  global = globalThis;
  moduleMocker = new ModuleMocker(globalThis);
  fakeTimers = null;
  fakeTimersModern = null;
  #globals = new Set(Object.keys(globalThis));
  #variables = { ...process.env };

  constructor() {
    Error.stackTraceLimit = 100;
  }

  async setup() {}

  async teardown() {
    for (const name of REGISTRIES) delete globalThis[name];
    for (const name of Object.keys(globalThis)) if (!this.#globals.has(name)) delete globalThis[name];
    for (const name of Object.keys(process.env)) if (!(name in this.#variables)) delete process.env[name];
    Object.assign(process.env, this.#variables);
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  getVmContext() {
    return null;
  }
};
