import { show, table } from '../lib/figures.mjs';
import { memoryOf } from '../lib/processes.mjs';
import { manyTokens } from '../lib/rows.mjs';
import { warmRequests } from './whole-request.mjs';

/** Resident memory of a fresh process, before and after more distinct tokens than it remembers. */
export async function memory(bench) {
  const many = await manyTokens(bench);
  const { list } = await warmRequests(bench);
  const { distinct } = bench.options;
  const rows = [];
  for (const [name, kind, expect] of [
    ['good tokens', 'genuine', 200],
    ['garbage: well-made JWTs of another key', 'forged', 401],
  ]) {
    const server = await bench.start('latchkey');
    const job = { url: server.url, connections: 50 };
    // Once warm: a process that has compiled nothing yet is no measure.
    await bench.generator.run({ ...job, requests: { list }, total: 20_000 });
    const before = memoryOf(server.pid);
    const result = await bench.generator.run({
      ...job,
      requests: many.series(kind, { from: many.untouchedFrom }),
      total: distinct,
      expect,
    });
    if (Object.keys(result.others).length > 0) bench.faults.push(JSON.stringify(result.others));
    const after = memoryOf(server.pid);
    await bench.stop(server);
    const figures = [before.now, after.now, after.peak, after.now - before.now, after.peak - before.now];
    rows.push([`${distinct.toLocaleString('en')} ${name}`, ...figures.map(show), show(result.perSecond)]);
  }
  const text = [
    '## Memory',
    'Resident megabytes of a fresh process that has answered 20,000 requests, and after each of these was presented once.',
    table(['presented', 'before', 'after', 'peak', 'growth', 'growth at the peak', 'requests/s meanwhile'], rows),
  ].join('\n\n');
  const reached = rows.map(([what, ...figures]) => [
    `memory grown by ${what}, at the peak`,
    '≤ 150 MB',
    `${figures[4]} MB`,
  ]);
  return { text, reached };
}
