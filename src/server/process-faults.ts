import { Logger } from '@nestjs/common';
import { loggable } from '../common/errors/database-errors';
import type { Shutdown } from './shutdown';

/**
 * Handles errors that no code has caught.
 *
 * A rejected promise that no code awaits has ended only what it belongs to, so the process continues. The same holds for a
 * system error on a socket or file without a listener (EMFILE, EPIPE, ECONNRESET). After any other exception the state of the
 * process is unknown: it shuts down in order, and its supervisor starts it again.
 */
export function surviveFaults(shutdown: Shutdown): void {
  const logger = new Logger('Process');
  process.on('unhandledRejection', (cause) => {
    logger.error({ event: 'process.unhandled_rejection', cause: loggable(cause) });
  });
  process.on('uncaughtException', (error) => {
    const isHarmless = isOfSystem(error);
    logger.error({ event: 'process.uncaught_exception', goesOn: isHarmless, cause: loggable(error) });
    if (!isHarmless) void shutdown.begin('uncaught exception', 1);
  });
}

function isOfSystem(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return typeof syscall === 'string' && typeof code === 'string';
}
