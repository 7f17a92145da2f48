import { ConsoleLogger, type LogLevel } from '@nestjs/common';

// Eighty lines about every start that no operator needs.
const CHATTER = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);
// Failures to start, which `main` reports as a sentence.
const RETHROWN = new Set(['ExceptionHandler', 'NestApplication']);

/** One JSON object a line. */
export class ServerLogger extends ConsoleLogger {
  constructor(logLevels: LogLevel[]) {
    super({ json: true, colors: false, logLevels });
  }

  override log(message: unknown, ...optional: unknown[]): void {
    if (!CHATTER.has(contextOf(optional))) super.log(message, ...optional);
  }

  override error(message: unknown, ...optional: unknown[]): void {
    if (!RETHROWN.has(contextOf(optional))) super.error(message, ...optional);
  }
}

/** Nest's loggers pass their context last. */
function contextOf(optional: unknown[]): string {
  const last = optional.at(-1);
  return typeof last === 'string' ? last : '';
}
