import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';

/** What asks a process to end. A terminal that is closed says SIGHUP, Ctrl-\ SIGQUIT, a container that loses its power SIGPWR. */
const SIGNALS = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGXCPU',
  'SIGPWR',
  'SIGBREAK',
] as const;
/** Ctrl-C reaches the process from the terminal and from npm, which passes it on: that is one request and not two. */
const SAME_REQUEST_MS = 200;
/** Asked twice, the process takes no longer than this. */
const HURRY_MS = 1_000;
const LAST_WORDS_MS = 200;

type Step = readonly [name: string, run: (reason: string) => unknown];

/**
 * Ends the process in order, and in time whatever hangs: what was opened last is closed first; when the time is over the process
 * ends all the same. A second signal shortens the time to a second, a third ends the process at once.
 */
export class Shutdown {
  private readonly logger = new Logger(Shutdown.name);
  private readonly steps: Step[] = [];
  private readonly hurried: (() => void)[] = [];
  private askedAt: number | undefined;
  private isHurried = false;
  private timer: NodeJS.Timeout | undefined;
  private current = 'start';
  private exitCode = 0;

  constructor(
    private readonly limitMs: number,
    /** Writes what has been logged. */
    private readonly flushLogs: (limitMs: number) => Promise<void>,
  ) {}

  /** Obeys signals from now on: as process 1 of a container, one that is not handled would be ignored. */
  obeySignals(): void {
    for (const signal of SIGNALS) process.on(signal, () => this.signalled(signal));
  }

  get isUnderWay(): boolean {
    return this.askedAt !== undefined;
  }

  /** To be closed before everything that was added earlier. */
  add(...step: Step): void {
    this.steps.unshift(step);
  }

  /** Calls a listener when the process is asked to end once more: it no longer waits for what it can do without. */
  onHurry(listener: () => void): void {
    this.hurried.push(listener);
  }

  /** Ends the process. */
  async begin(reason: string, exitCode = 0): Promise<void> {
    if (this.askedAt !== undefined) return;
    this.askedAt = performance.now();
    this.exitCode = exitCode;
    this.logger.log({ event: 'server.stopping', reason });
    this.limit(this.limitMs);
    await this.closeSteps(reason);
    await this.exit();
  }

  /** Closes everything, in time, and leaves the process running: it has something to say. */
  async closeAll(): Promise<void> {
    // The timer keeps the process alive: nothing else here does, and one that ended now would have said nothing.
    const limit = new AbortController();
    const tooLate = pause(this.limitMs, undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([this.closeSteps('done'), tooLate]);
    limit.abort();
  }

  private async closeSteps(reason: string): Promise<void> {
    for (const [name, run] of this.steps.splice(0)) {
      this.current = name;
      try {
        await run(reason);
      } catch (error) {
        this.failed(name, error);
      }
    }
  }

  private signalled(signal: string): void {
    if (this.askedAt === undefined) return void this.begin(signal);
    if (performance.now() - this.askedAt < SAME_REQUEST_MS) return;
    if (this.isHurried) process.exit(1);
    this.isHurried = true;
    this.limit(HURRY_MS);
    for (const listener of this.hurried) listener();
  }

  private limit(limitMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.logger.error({ event: 'server.stopped_by_force', waitedFor: this.current });
      this.exitCode ||= 1;
      void this.exit();
    }, limitMs);
  }

  private failed(step: string, error: unknown): void {
    this.exitCode ||= 1;
    this.logger.error({
      event: 'server.stop_failed',
      step,
      cause: error instanceof Error ? error.message : String(error),
    });
  }

  private async exit(): Promise<void> {
    await this.flushLogs(LAST_WORDS_MS);
    process.exit(this.exitCode);
  }
}
