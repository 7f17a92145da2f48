import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';

/**
 * Signals that ask a process to end. A closed terminal sends SIGHUP, Ctrl-\ SIGQUIT, a container that loses its power SIGPWR.
 */
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
/** Ctrl-C reaches the process from the terminal and from npm, which passes it on. Both together are one request. */
const SAME_REQUEST_MS = 200;
/** After a second request, the process takes no longer than this. */
const HURRY_MS = 1_000;
const LAST_LOGS_MS = 200;

type Step = readonly [name: string, run: (reason: string) => unknown];

/**
 * Ends the process in order, and in time whatever hangs. Steps that were added last run first. When the time is over, the
 * process ends anyway. A second signal shortens the time to a second; a third ends the process at once.
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
    /** Writes the waiting log lines. */
    private readonly flushLogs: (limitMs: number) => Promise<void>,
  ) {}

  /** Handles signals from now on: process 1 of a container would ignore a signal without a handler. */
  obeySignals(): void {
    for (const signal of SIGNALS) process.on(signal, () => this.signalled(signal));
    // Without a handler, Node opens a debugger to every account of the machine. Programs that rotate logs send this signal.
    process.on('SIGUSR1', () => this.logger.warn({ event: 'signal.ignored', signal: 'SIGUSR1' }));
  }

  get isUnderWay(): boolean {
    return this.askedAt !== undefined;
  }

  /** Adds a step that runs before all steps that were added earlier. */
  add(...step: Step): void {
    this.steps.unshift(step);
  }

  /** Adds a step that runs after all others so far. */
  addLast(...step: Step): void {
    this.steps.push(step);
  }

  /** Calls a listener when the process is asked to end once more. It then skips optional waits. */
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

  /** Closes everything, in time, and leaves the process running, because it has output to write. */
  async closeAll(): Promise<void> {
    // The timer keeps the process alive. Nothing else here does, and a process that ended now would have written nothing.
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
    await this.flushLogs(LAST_LOGS_MS);
    process.exit(this.exitCode);
  }
}
