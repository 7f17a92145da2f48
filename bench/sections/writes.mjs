import { setTimeout as pause } from 'node:timers/promises';
import { show, table } from '../lib/figures.mjs';
import { warmRequests } from './whole-request.mjs';

/** Statistics are written a second after the statement at the latest. */
const SETTLE_MS = 1_500;

/** What a verification writes and asks: a run at full speed, beside one in which each token is used about once a second. */
export async function writes(bench) {
  const { list } = await warmRequests(bench);
  const watch = await bench.connect('postgres');
  const seconds = Math.max(4, bench.options.seconds * 3);
  const job = { url: bench.host.url, requests: { list } };
  const runs = {
    'nothing asked': () => pause(seconds * 1000),
    'each token once a second': () => bench.generator.run({ ...job, seconds, perSecond: list.length }),
    'full speed': () => bench.generator.run({ ...job, seconds }),
  };
  // Pages touched for the first time after a checkpoint are written whole.
  await bench.sql.query('CHECKPOINT');
  await bench.generator.run({ ...job, total: list.length * 4 });
  await pause(SETTLE_MS);
  const rows = [];
  for (const run of Object.values(runs)) {
    const startedAt = new Date();
    const before = await counters(watch);
    const result = (await run()) ?? { answered: 0 };
    await pause(SETTLE_MS);
    const after = await counters(watch);
    rows.push({
      span: [startedAt, new Date()],
      answered: result.answered,
      wal: after.wal - before.wal,
      statements: after.statements - before.statements,
    });
  }
  await watch.end();
  // Asked at the end, so that asking is not counted.
  for (const row of rows) row.batches = await batches(bench.sql, row.span);
  const [, trickle, full] = rows;
  // An interval more or less in one of the runs is no request's doing.
  const background = (key) => (trickle[key] * full.batches) / trickle.batches;
  const per1000 = (key) => show(((full[key] - background(key)) / (full.answered - trickle.answered)) * 1000);
  const cells = Object.keys(runs).map((name, index) => {
    const { answered, statements, batches, wal } = rows[index];
    return [name, ...[answered, statements, batches, wal].map(show)];
  });
  const text = [
    '## What verifications write and ask',
    `${list.length} warm tokens, ${seconds} s each and ${SETTLE_MS / 1000} s to settle. In the background the change feed is read four times a second, ` +
      'a heartbeat is written every two seconds (to an unlogged table), and the uses of each token once a second.',
    table(['load', 'verifications', 'transactions', 'of these, uses written', 'WAL bytes'], cells),
    `Full speed beside once a second, as often as uses were written, for each 1,000 verifications more: **${per1000('statements')} transactions, ${per1000('wal')} bytes of WAL**.`,
  ].join('\n\n');
  return {
    text,
    reached: [
      ['transactions for 1,000 verifications', '0', per1000('statements')],
      ['bytes of WAL for 1,000 verifications', '0', per1000('wal')],
    ],
  };
}

async function batches(sql, span) {
  const { rows } = await sql.query(
    'SELECT count(*)::integer AS written FROM latchkey.use_batches WHERE written_at BETWEEN $1 AND $2',
    span,
  );
  return rows[0].written;
}

async function counters(watch) {
  const { rows } = await watch.query(
    `SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint AS wal, xact_commit + xact_rollback AS statements
       FROM pg_stat_database WHERE datname = 'latchkey'`,
  );
  return { wal: Number(rows[0].wal), statements: Number(rows[0].statements) };
}
