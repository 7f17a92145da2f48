import { Logger, type LoggerService } from '@nestjs/common';

type Level = 'error' | 'warn' | 'log' | 'debug';

/**
 * Nest's logger, which passes everything on to the application's logger. A logger that throws, or returns a rejected promise,
 * does no harm: a request does not depend on its log, and neither does the counting of uses.
 */
export class SafeLogger extends Logger {
  override error(message: unknown): void {
    // The argument in between is a stack.
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
      // Nest keeps early lines until the application is up, so it must receive them itself.
      if ((Logger as unknown as { isBufferAttached?: boolean }).isBufferAttached) return buffer();
      const logger = this.localInstance as LoggerService | undefined;
      const outcome: unknown = logger?.[level]?.(...said);
      // A promise of any implementation.
      Promise.resolve(outcome).catch(() => undefined);
    } catch {
      // The failed logger was the only way to report its failure.
    }
  }
}
