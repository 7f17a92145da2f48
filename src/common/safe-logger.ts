import { Logger, type LoggerService } from '@nestjs/common';

type Level = 'error' | 'warn' | 'log' | 'debug';

/**
 * Nest's logger, which hands on to whatever logger the application has; but one that throws, or answers a promise that is rejected,
 * fails nothing: a request does not depend on its log, and neither do uses that are to be counted.
 */
export class SafeLogger extends Logger {
  override error(message: unknown): void {
    // The place in between is for a stack.
    this.attempt('error', [message, undefined, this.context], () => super.error(message));
  }

  override warn(message: unknown): void {
    this.attempt('warn', [message, this.context], () => super.warn(message));
  }

  override log(message: unknown): void {
    this.attempt('log', [message, this.context], () => super.log(message));
  }

  override debug(message: unknown): void {
    this.attempt('debug', [message, this.context], () => super.debug(message));
  }

  private attempt(level: Level, said: [unknown, ...unknown[]], buffer: () => void): void {
    try {
      // What Nest keeps until the application is up it has to keep itself.
      if ((Logger as unknown as { isBufferAttached?: boolean }).isBufferAttached) return buffer();
      const logger = this.localInstance as LoggerService | undefined;
      const outcome: unknown = logger?.[level]?.(...said);
      // A promise of whatever make.
      Promise.resolve(outcome).catch(() => undefined);
    } catch {
      // There is nobody left to tell.
    }
  }
}
