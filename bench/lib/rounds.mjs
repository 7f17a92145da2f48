import { median, show, spread } from './figures.mjs';
import { cpuSeconds, postgresCpuSeconds } from './processes.mjs';

/** One run of load against a server: what the generator saw, and what the server and the database used meanwhile. */
export async function measure({ generator, postgres, faults }, server, job) {
  const before = [cpuSeconds(server.pid), postgresCpuSeconds(postgres.dataDir)];
  const result = await generator.run({ url: server.url, ...job });
  const cpu = cpuSeconds(server.pid) - before[0];
  const databaseCpu = postgresCpuSeconds(postgres.dataDir) - before[1];
  if (Object.keys(result.others).length > 0) faults.push(JSON.stringify(result.others));
  return {
    ...result,
    perCpuSecond: result.answered / cpu,
    databaseMicroseconds: (databaseCpu / result.answered) * 1e6,
  };
}

const WARM_UP_REQUESTS = 50_000;

/** Rounds in turns, A B C A B C, after a run of each that does not count. */
export async function takeTurns(bench, contestants, { rounds, seconds, warmUpSeconds }) {
  const results = contestants.map(() => []);
  // Until everything is compiled, but not for ever where an answer takes long.
  const warmUp = { total: WARM_UP_REQUESTS, seconds: warmUpSeconds };
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, { server, job, done }] of contestants.entries()) {
      const result = await measure(bench, server, { ...job(), ...(round < 0 ? warmUp : { seconds }) });
      done?.(result);
      if (round >= 0) results[index].push(result);
    }
  }
  return results;
}

export const of = (results, key) => results.map((result) => result[key]);

/** The ratio of two contestants, round by round. */
export function ratio(results, others, key) {
  return spread(results.map((result, round) => result[key] / others[round][key]));
}

export function rateCells(results) {
  return [
    spread(of(results, 'perSecond')),
    spread(of(results, 'perCpuSecond')),
    show(median(of(results, 'p50'))),
    show(median(of(results, 'p99'))),
    show(median(of(results, 'databaseMicroseconds'))),
  ];
}

export const RATE_HEAD = ['requests/s', 'requests per CPU-second', 'p50 ms', 'p99 ms', 'database CPU µs/request'];
