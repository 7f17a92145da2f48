const fs = require('node:fs');
const path = require('node:path');
const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * Files that take long though they are short, the longest first: they wait for processes. Jest goes by size until it has
 * seen a file, and would start them last, when there is nothing left for the other workers to do.
 */
const LONG = [
  'data-directory',
  'issue-admin-token',
  'token-lifecycle',
  'server-watchdogs',
  'server-crashes',
  'server-signals',
  'server-refusals',
  'server-database',
  'server',
  'away',
  'passport',
  'instance',
].map((name) => path.join(__dirname, `../${name}.e2e-spec.ts`));
for (const name of ['time', 'process', 'failover', 'failure', 'uses'])
  LONG.push(path.join(__dirname, `../resilience/${name}.resilience-spec.ts`));

const moved = LONG.filter((file) => !fs.existsSync(file));
if (moved.length > 0)
  throw new Error(`Not there any more, so adapt test/support/longest-first.cjs: ${moved.join(', ')}`);

/** The rest as Jest orders them, by what it remembers and by size. */
module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path: file }) => (LONG.includes(file) ? LONG.indexOf(file) : LONG.length);
    return [...super.sort(tests)].sort((a, b) => place(a) - place(b));
  }
};
