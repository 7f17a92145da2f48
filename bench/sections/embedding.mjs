import { setTimeout } from 'node:timers/promises';
import { median, show, spread, table } from '../lib/figures.mjs';
import { cpuSeconds, memoryOf } from '../lib/processes.mjs';

/** Until the pools of a host have closed what they do not use, and its garbage is collected. */
const SETTLE_MS = 500;

const HOSTS = {
  'TypeORM, validation': {},
  'and Swagger': { SWAGGER: 'yes' },
  'and Latchkey': { SWAGGER: 'yes', LATCHKEY: 'yes' },
  'and Latchkey without its REST API': { SWAGGER: 'yes', LATCHKEY: 'code' },
  'TypeORM, validation and Latchkey': { LATCHKEY: 'yes' },
};

/** What embedding adds to the start and to the memory of a host that has TypeORM. The database is migrated before. */
export async function embedding(bench) {
  const { rounds } = bench.options;
  const names = Object.keys(HOSTS);
  const all = names.map(() => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, name] of names.entries()) {
      const seen = await visit(bench, HOSTS[name]);
      // The first fills the caches of the file system.
      if (round > 0) all[index].push(seen);
    }
  }
  const of = (index, what) => all[index].map((one) => one[what]);
  const more = (index, base, what) => show(median(of(index, what)) - median(of(base, what)));
  const rows = names.map((name, index) => [name, ...['startMs', 'cpuMs', 'mb'].map((what) => spread(of(index, what)))]);
  const text = [
    '## What embedding adds to a host',
    `${rounds} starts of each in turn, of a migrated database; memory is resident, ${SETTLE_MS} ms after the start and after a collection.`,
    table(['host', 'start, ms', 'processor, ms', 'MB'], rows),
  ].join('\n\n');
  return {
    text,
    reached: [
      ['MB that Latchkey adds to a host with TypeORM and Swagger', '≤ 15', more(2, 1, 'mb')],
      ['ms that it adds to the start', '≤ 300', `${more(2, 1, 'startMs')}, processor ${more(2, 1, 'cpuMs')}`],
      ['the same without its REST API', '≤ 15, ≤ 300', `${more(3, 1, 'mb')}, ${more(3, 1, 'startMs')}`],
      ['the same for a host without Swagger', '≤ 15, ≤ 300', `${more(4, 0, 'mb')}, ${more(4, 0, 'startMs')}`],
    ],
  };
}

async function visit(bench, env) {
  const server = await bench.start('embedding', env);
  const cpuMs = cpuSeconds(server.pid) * 1_000;
  await setTimeout(SETTLE_MS);
  await server.age(0);
  await setTimeout(SETTLE_MS);
  const mb = memoryOf(server.pid).now;
  await bench.stop(server);
  return { startMs: server.startMs, cpuMs, mb };
}
