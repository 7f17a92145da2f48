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

/**
 * Rounds in turns, A B C A B C, after a run of each that does not count. In each round a contestant has its turn several times,
 * for a part of the seconds: a machine that others use too changes its speed in less time than all of them need.
 */
export async function takeTurns(bench, contestants, { rounds, seconds, warmUpSeconds }, turns = 1) {
  const results = contestants.map(() => []);
  // Until everything is compiled, but not for ever where an answer takes long.
  const warmUp = { total: WARM_UP_REQUESTS, seconds: warmUpSeconds };
  for (const { server, job, done } of contestants) {
    // While it works: of a server that is idle V8 would forget the code too.
    const [result] = await Promise.all([
      measure(bench, server, { ...job(), ...warmUp }),
      server.age(warmUpSeconds / 2),
    ]);
    done?.(result);
    done?.(await measure(bench, server, { ...job(), ...warmUp }));
  }
  for (let round = 0; round < rounds; round += 1) {
    const parts = contestants.map(() => []);
    for (let turn = 0; turn < turns; turn += 1) {
      for (const [index, { server, job, done }] of contestants.entries()) {
        const result = await measure(bench, server, { ...job(), seconds: seconds / turns });
        done?.(result);
        parts[index].push(result);
      }
    }
    parts.forEach((taken, index) => results[index].push(together(taken)));
  }
  return results;
}

/** The medians of what was seen in the turns of one round. */
function together(parts) {
  const keys = ['perSecond', 'perCpuSecond', 'databaseMicroseconds', 'p50', 'p99'];
  return Object.fromEntries(keys.map((key) => [key, median(of(parts, key))]));
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
