// The whole bench. `npm run bench -- --help` says what can be chosen.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { setUp } from './lib/bench.mjs';
import { table } from './lib/figures.mjs';
import { auditEvents } from './sections/audit-events.mjs';
import { auditWrites } from './sections/audit-writes.mjs';
import { embedding } from './sections/embedding.mjs';
import { growth } from './sections/growth.mjs';
import { lists } from './sections/lists.mjs';
import { logins } from './sections/logins.mjs';
import { memory } from './sections/memory.mjs';
import { metrics } from './sections/metrics.mjs';
import { revocation } from './sections/revocation.mjs';
import { shortKeys } from './sections/short-keys.mjs';
import { verifications } from './sections/verifications.mjs';
import { wholeRequest } from './sections/whole-request.mjs';
import { writes } from './sections/writes.mjs';

const SECTIONS = {
  whole: wholeRequest,
  keys: shortKeys,
  embedding,
  logins,
  writes,
  verifications,
  revocation,
  lists,
  growth,
  memory,
  'audit-writes': auditWrites,
  'audit-events': auditEvents,
  metrics,
};

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    size: { type: 'string', default: '1' },
    distinct: { type: 'string', default: '1000000' },
    revokes: { type: 'string', default: '300' },
    events: { type: 'string', default: '1' },
    out: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(readFileSync(new URL('README.md', import.meta.url), 'utf8'));
  process.exit();
}

const seconds = Number(values.seconds);
const options = {
  rounds: Number(values.rounds),
  seconds,
  warmUpSeconds: 2 * seconds,
  rows: Number(values.size) * 1_000_000,
  distinct: Number(values.distinct),
  revokes: Number(values.revokes),
  events: Number(values.events) * 1_000_000,
  profile: values.profile,
};
const chosen = values.only?.split(',') ?? Object.keys(SECTIONS);

const startedAt = Date.now();
const secondsSoFar = () => Math.round((Date.now() - startedAt) / 1000);
const commit = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: import.meta.dirname })
  .toString()
  .trim();
const bench = await setUp(options);
const parts = [];
try {
  for (const name of chosen) {
    console.error(`${secondsSoFar()} s: ${name}`);
    parts.push(await SECTIONS[name](bench));
    // Each time: one that fails takes nothing away from those before it.
    if (values.out !== 'none') writeFileSync(values.out ?? new URL('results.md', import.meta.url), `${report()}\n`);
  }
} finally {
  await bench.tearDown();
}
console.log(report());

function report() {
  const [cpu] = os.cpus();
  return [
    '# Figures',
    `Latchkey ${commit}, ${new Date().toISOString().slice(0, 16)}Z, Node ${process.version}, ${os.cpus().length} × ${cpu.model}, ` +
      `load at the end ${os.loadavg()[0].toFixed(1)}; ${secondsSoFar()} s in all.`,
    '## What was to be reached',
    table(
      ['what', 'goal', 'measured'],
      parts.flatMap((part) => part.reached),
    ),
    ...parts.map((part) => part.text),
    ...(bench.faults.length > 0 ? ['## Answers nobody expected', ...bench.faults.map((fault) => `- ${fault}`)] : []),
  ].join('\n\n');
}
