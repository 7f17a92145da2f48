// Servers and the generator, each a process of its own, and what Linux says they have used.
import { fork, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const bench = new URL('..', import.meta.url);
const TICKS_PER_SECOND = 100;

/** Starts a server of `servers/`; it prints its address when it is ready. */
export async function startServer(name, env = {}, nodeArgs = []) {
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    ['--expose-gc', ...nodeArgs, fileURLToPath(new URL(`servers/${name}.mjs`, bench))],
    {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const ready = new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      const found = /ready (\{.*\})\n/.exec(printed);
      if (found) resolve(JSON.parse(found[1]));
    });
    exited.then((code) => reject(new Error(`${name} ended with ${code}: ${printed}`)));
  });
  const said = await ready;
  return {
    ...said,
    pid: child.pid,
    startMs: performance.now() - startedAt,
    /**
     * Has it collect all its garbage, as every server does that runs for long. After that the `process.nextTick` of Node 20 is
     * slower for good (V8 forgets the shape of what is queued, and never trusts one again): who has been through it and who has
     * not cannot be compared.
     */
    age: async (afterSeconds) => {
      await setTimeout(afterSeconds * 1_000);
      child.kill('SIGUSR2');
    },
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** For a server: says where it is. */
export function sayReady(said) {
  console.log(`ready ${JSON.stringify(said)}`);
  process.on('SIGTERM', () => process.exit());
  // More than once: the first may come at a moment when something keeps alive what it would have taken.
  process.on('SIGUSR2', () => [0, 20, 40].forEach((ms) => setTimeout(ms).then(() => globalThis.gc())));
}

export function startGenerator() {
  const child = fork(fileURLToPath(new URL('lib/generator.mjs', bench)));
  const pending = new Map();
  let ids = 0;
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = pending.get(id);
    pending.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  });
  child.on('exit', (code) => pending.forEach(({ reject }) => reject(new Error(`The generator ended with ${code}`))));
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        pending.set((ids += 1), { resolve, reject });
        child.send({ id: ids, job });
      }),
    stop: () => child.disconnect(),
  };
}

/** The fields of /proc/<pid>/stat after the name, which may contain anything: [0] is the state, [1] the parent. */
function statOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Seconds of processor time a process has used. */
export function cpuSeconds(pid) {
  const stat = statOf(pid);
  return (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND;
}

/** The same of a PostgreSQL server: the postmaster, its children that are there, and those that have ended. */
export function postgresCpuSeconds(dataDir) {
  const postmaster = readFileSync(`${dataDir}/postmaster.pid`, 'utf8').split('\n')[0];
  const own = statOf(postmaster);
  let ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(own[field]), 0);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = statOf(pid);
      if (stat[1] === postmaster) ticks += Number(stat[11]) + Number(stat[12]);
    } catch {
      // It has just ended, and is counted with the postmaster next time.
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** Resident megabytes: now, and at most so far. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const [now, peak] = ['VmRSS', 'VmHWM'].map((name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024);
  return { now, peak };
}
