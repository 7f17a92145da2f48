import { type ChildProcess, spawn } from 'node:child_process';
import * as path from 'node:path';

const MAIN = path.join(__dirname, '../../dist/src/main.js');

/** How a server process went. */
export interface Ended {
  readonly code: number | null;
  readonly stderr: string;
  readonly stdout: string;
}

/** The built server, as `npm start` runs it, with these environment variables and no others of ours. */
export class ServerProcess {
  private stdout = '';
  private stderr = '';
  private readonly child: ChildProcess;
  /** When it has ended, by itself or not. */
  readonly ended: Promise<Ended>;

  constructor(env: Record<string, string>, args: string[] = []) {
    const { PATH = '', TMPDIR } = process.env;
    const base = { PATH, ...(TMPDIR === undefined ? {} : { TMPDIR }), PORT: '0' };
    this.child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...base, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)));
    this.child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  /** Everything printed until it was up. Fails when it ends instead. */
  async banner(): Promise<string> {
    const up = new Promise<string>((resolve) => {
      const look = () => /Latchkey is up[\s\S]*\n\n$/.test(this.stdout) && resolve(this.stdout);
      this.child.stdout?.on('data', look);
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
