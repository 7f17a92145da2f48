import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as path from 'node:path';

export const MAIN = path.join(__dirname, '../../dist/src/main.js');

/** How a server process went. */
export interface Ended {
  readonly code: number | null;
  readonly stderr: string;
  readonly stdout: string;
  /** Both, in the order they came. */
  readonly output: string;
}

/** The built server, as `npm start` runs it, with these environment variables and no others of ours. */
export class ServerProcess {
  private stdout = '';
  private stderr = '';
  /** Everything printed so far, the log included. */
  output = '';
  private readonly child: ChildProcess;
  /** When it has ended, by itself or not. */
  readonly ended: Promise<Ended>;

  /** `prelude`: what the shell does before it becomes the server, as `ulimit -n 256`. */
  constructor(env: Record<string, string>, args: string[] = [], prelude = ':') {
    const { PATH = '', TMPDIR } = process.env;
    const base = { PATH, ...(TMPDIR === undefined ? {} : { TMPDIR }), PORT: '0' };
    const command = [process.execPath, MAIN, ...args];
    this.child = spawn('/bin/sh', ['-c', `${prelude}; exec "$@"`, 'sh', ...command], {
      env: { ...base, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)));
    this.child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk) => (this.output += String(chunk)));
    }
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) =>
        resolve({ code, stdout: this.stdout, stderr: this.stderr, output: this.output }),
      );
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Reads nothing of what it prints from now on, until told to go on. */
  stopReading(): void {
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.pause();
  }

  readOn(): void {
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.resume();
  }

  /** Goes away as the reader of what it prints. */
  stopListening(): void {
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.destroy();
  }

  /** Everything printed until it was up. Fails when it ends instead. */
  banner(): Promise<string> {
    return this.says(/Latchkey is up[\s\S]*\n\n$/);
  }

  /** Everything printed until it said this. Fails when it ends instead. */
  async says(pattern: RegExp): Promise<string> {
    const up = new Promise<string>((resolve) => {
      const look = () => pattern.test(this.output) && resolve(this.output);
      for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', look);
      look();
    });
    const down = this.ended.then(({ code, stderr }) => Promise.reject(new Error(`ended with ${code}: ${stderr}`)));
    return Promise.race([up, down]);
  }

  async url(): Promise<string> {
    return /API\s+(http:\S+)\/api\n/.exec(await this.banner())?.[1] ?? '';
  }

  signal(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** The process of the embedded PostgreSQL of a directory, as the system's process list knows it. */
export function serverProcess(dir: string): number | undefined {
  const list = execFileSync('ps', ['-eww', '-o', 'pid=,args='], { encoding: 'utf8' });
  const ending = `/bin/postgres -D ${path.join(dir, 'data')} `;
  // The watchdog names the server among its arguments too.
  const line = list.split('\n').find((text) => text.includes(ending) && !text.includes('/bin/sh -c'));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}
