import { table } from '../lib/figures.mjs';
import { RATE_HEAD, rateCells, ratio, takeTurns } from '../lib/rounds.mjs';
import { warmRequests } from './whole-request.mjs';

/** Of each round: a difference of a percent shows only where the turns are short. */
const TURNS = 10;

/** The guarded route with metrics, which are scraped once a second, and without. */
export async function metrics(bench) {
  const { list } = await warmRequests(bench);
  const watched = await bench.start('latchkey', { METRICS: 'on' });
  const subjects = { 'with metrics': watched, 'without metrics': bench.host };
  const names = Object.keys(subjects);
  const contestants = Object.values(subjects).map((server) => ({ server, job: () => ({ requests: { list } }) }));
  const { rounds, seconds, warmUpSeconds } = bench.options;
  const results = await takeTurns(bench, contestants, { rounds, seconds, warmUpSeconds }, TURNS);
  await bench.stop(watched);
  const perCpuSecond = ratio(results[0], results[1], 'perCpuSecond');
  const text = [
    '## What metrics cost',
    `GET on 50 connections, the token known; ${rounds} rounds of ${seconds} s, each in ${TURNS} turns; a scrape a second.`,
    table(
      ['server', ...RATE_HEAD],
      names.map((name, index) => [name, ...rateCells(results[index])]),
    ),
    `With / without: ${ratio(results[0], results[1], 'perSecond')} requests/s, ${perCpuSecond} per CPU-second.`,
  ].join('\n\n');
  return {
    text,
    reached: [['requests per CPU-second with metrics, divided by those without', '≥ 0.98', perCpuSecond]],
  };
}
