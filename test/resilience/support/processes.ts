import { randomInt } from 'node:crypto';
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

const started = new Set<number>();
/** Ends what was started, by its ids, when this process ends in whatever way: it reads a pipe that only we hold open. */
let watch: { readonly list: string } | undefined;

export function remember(pid: number): void {
  if (!watch) {
    const list = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-watch-')), 'pids');
    const script = 'cat; while read -r pid; do kill -9 "$pid"; done < "$1"; rm -r "$(dirname "$1")"';
    const guard = spawn('/bin/sh', ['-c', script, 'latchkey-watch', list], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    guard.unref();
    (guard.stdin as unknown as { unref(): void }).unref();
    watch = { list };
  }
  started.add(pid);
  write();
}

export function forget(pid: number): void {
  started.delete(pid);
  write();
}

function write(): void {
  fs.writeFileSync(watch!.list, [...started, ''].join('\n'));
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function launch(command: string, args: string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options);
  const { pid } = child;
  if (pid !== undefined) {
    remember(pid);
    child.once('exit', () => forget(pid));
  }
  return child;
}

/** A process and all that descend from it. */
export function family(pid: number): number[] {
  try {
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return [pid, ...children.flatMap((child) => family(Number(child)))];
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Not there, or a zombie. */
export function isGone(pid: number): boolean {
  try {
    return / Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/\(.*\)/, ''));
  } catch {
    return true;
  }
}

/**
 * A port that nobody listens on, below those that the system gives to outgoing connections: while a database is down, the nodes ask
 * for it again and again, and a connection that is given the very port it asks for reaches itself and keeps the database from
 * having it back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(14_000, 32_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = net.createServer().listen(port, '127.0.0.1');
  const isOurs = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]).catch(() => false);
  if (!isOurs) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/** Asks again and again until the answer is neither undefined nor false, for so long at most. */
export async function until<T>(ask: () => Promise<T> | T, what: string, limitMs = 20_000, everyMs = 10) {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await pause(everyMs);
  }
}
