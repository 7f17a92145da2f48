const { createRequire } = require('node:module');
const { compileFunction } = require('node:vm');
const { default: Runtime } = require('jest-runtime');

/** What jest gives to each file itself. */
const JEST_OWN = /^(@jest\/|jest-|expect$)/;
const PACKAGE = /^(?!node:)(@[\w.-]+\/)?[a-z][\w.-]*(\/.*)?$/;

/**
 * Loads the packages of node_modules once for a worker, as node does, and our own modules once for each file, as jest does: Nest,
 * TypeORM and Fastify are two thousand modules, and loading them took longer than most files.
 */
module.exports = class SharedPackagesRuntime extends Runtime {
  constructor(...args) {
    super(...args);
    const { executor } = this;
    executor.compile = (source, filename) => compileFunction(source, executor.injectedModuleParameters, { filename });
  }

  requireModuleOrMock(from, name) {
    const isShared = PACKAGE.test(name) && !JEST_OWN.test(name) && !this._resolution.isCoreModule(name);
    return isShared ? createRequire(from)(name) : super.requireModuleOrMock(from, name);
  }
};
module.exports.default = module.exports;
