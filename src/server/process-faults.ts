import { Logger } from '@nestjs/common';
import { loggable } from '../common/errors/database-errors';
import type { Shutdown } from './shutdown';

/**
 * What happens to an error that nothing has caught.
 *
 * A rejected promise that nobody waits for, and an error of the system on a socket or file nobody listens to (EMFILE, EPIPE,
 * ECONNRESET), have ended the one thing they belong to: the process goes on. After any other exception nobody knows what state
 * the process is in: it ends in order, and its supervisor starts it again.
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
