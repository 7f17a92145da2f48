// The time to decide one permission: `npm run build && node bench/deciding.mjs`. Five roles of fifty rules each, as one list.
import { performance } from 'node:perf_hooks';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { RuleSet } = require('../dist/src/permissions/rules/rule-set.js');

const ROLES = 5;
const RULES = 50;
const TURNS = 200_000;
const SUBJECT = 'app-connections';

/** Half of the rules are about the action in question; of these every other one has a list of ten texts. */
const rules = Array.from({ length: ROLES * RULES }, (_, place) => ({
  subject: SUBJECT,
  action: [place % 2 ? 'read' : 'edit'],
  inverted: place % 3 === 0,
  ...(place % 4 ? { conditions: { connectionId: { $in: texts(place) } } } : {}),
}));

function texts(place) {
  return Array.from({ length: 10 }, (_, other) => `connection-${place}-${other}`);
}

const set = new RuleSet(rules);
const fields = ['connection-1-1', 'connection-249-9', 'none'].map((connectionId) => ({ connectionId }));
for (const part of ['warm', 'measured']) {
  const startedAt = performance.now();
  let allowed = 0;
  for (let turn = 0; turn < TURNS; turn += 1) {
    if (set.allows('read', SUBJECT, fields[turn % fields.length])) allowed += 1;
  }
  const microseconds = ((performance.now() - startedAt) * 1_000) / TURNS;
  if (part === 'measured') console.log(`${microseconds.toFixed(2)} µs a decision (goal: 20), ${allowed} allowed`);
}
