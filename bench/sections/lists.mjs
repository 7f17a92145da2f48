import { bearer, Connection, requestText } from '../lib/connection.mjs';
import { percentile, show, spread, table } from '../lib/figures.mjs';
import { manyTokens } from '../lib/rows.mjs';

const ASKED = 50;
const STARTS = 3;

export async function lists(bench) {
  const many = await manyTokens(bench);
  const path = `/api/v1/auth/token-auth/identities/${many.identityId}/tokens?limit=20`;
  // Deeper than that an offset takes longer than a statement may, and is answered 503.
  const deep = Math.min(Math.floor(many.rows / 2), 1_000_000);
  const { nextCursor } = await bench.api.get(`${path}&offset=${deep}`);
  const pages = {
    'first page': path,
    [`by cursor, ${deep.toLocaleString('en')} deep`]: `${path}&cursor=${nextCursor}`,
    'by offset, 1,000 deep': `${path}&offset=1000`,
    [`by offset, ${deep.toLocaleString('en')} deep`]: `${path}&offset=${deep}`,
  };
  const connection = new Connection(bench.host.url);
  const times = Object.values(pages).map(() => []);
  for (let round = 0; round < ASKED; round += 1) {
    for (const [index, page] of Object.values(pages).entries()) {
      // The last is slow, and known to be.
      if (index === 3 && round >= 5) continue;
      const sentAt = performance.now();
      const { status, body } = await connection.request(requestText({ path: page, headers: bearer(bench.admin) }));
      times[index].push(performance.now() - sentAt);
      if (status !== 200) bench.faults.push(body);
    }
  }
  connection.close();
  const rows = Object.keys(pages).map((name, index) => [
    name,
    ...[50, 99, 100].map((percent) => show(percentile(times[index], percent))),
  ]);
  const text = [
    '## Lists and the start, with many tokens',
    `${many.rows.toLocaleString('en')} tokens of one identity (made in ${show(many.loadSeconds)} s); 20 a page, one request at a time.`,
    table(['page', 'p50 ms', 'p99 ms', 'max ms'], rows),
    table(['start, from `node` to listening', 'ms'], await starts(bench, many.rows)),
  ].join('\n\n');
  return { text, reached: [['first page of a list, p50', 'a few ms', `${show(percentile(times[0], 50))} ms`]] };
}

async function starts(bench, rows) {
  await bench.sql.query('CREATE DATABASE empty');
  const full = {};
  const empty = { DATABASE_URL: bench.databaseUrl('empty') };
  await bench.stop(await bench.start('latchkey', empty));
  const times = [[], []];
  for (let round = 0; round < STARTS; round += 1) {
    for (const [index, env] of [full, empty].entries()) {
      const server = await bench.start('latchkey', env);
      times[index].push(server.startMs);
      await bench.stop(server);
    }
  }
  return [`with ${rows.toLocaleString('en')} tokens`, 'with none'].map((name, index) => [name, spread(times[index])]);
}
