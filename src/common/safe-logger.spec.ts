import { ConsoleLogger, Logger, type LoggerService } from '@nestjs/common';
import { SafeLogger } from './safe-logger';

describe("the application's logger", () => {
  const said: unknown[][] = [];
  const use = (write: (...args: unknown[]) => unknown) => {
    const logger = { error: write, warn: write, log: write, debug: write } as LoggerService;
    Logger.overrideLogger(logger);
  };
  const rejections: unknown[] = [];
  const note = (cause: unknown) => rejections.push(cause);

  beforeEach(() => {
    said.length = rejections.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(() => {
    process.off('unhandledRejection', note);
    Logger.overrideLogger(new ConsoleLogger());
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('full');
      },
    ],
    ['answers a promise that is rejected', () => Promise.reject(new Error('full'))],
  ])('fails nothing when it %s', async (_, fail) => {
    use(fail);
    const logger = new SafeLogger('Here');
    logger.error({ event: 'a' });
    logger.warn({ event: 'b' });
    logger.log({ event: 'c' });
    logger.debug({ event: 'd' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(rejections).toEqual([]);
  });

  it('is told what to log, and where it comes from, as Nest tells it', () => {
    use((...args) => said.push(args));
    const [safe, plain] = [new SafeLogger('Here'), new Logger('Here')];
    for (const logger of [safe, plain]) {
      logger.error('a');
      logger.warn('b');
      logger.log('c');
      logger.debug('d');
    }
    expect(said.slice(0, 4)).toEqual(said.slice(4));
    expect(said).toHaveLength(8);
  });

  it('need not be there', () => {
    Logger.overrideLogger(false);
    expect(() => new SafeLogger('Here').error('a')).not.toThrow();
  });

  it('is told later what is said before the application is up', () => {
    use((...args) => said.push(args));
    Logger.attachBuffer();
    new SafeLogger('Here').warn('a');
    expect(said).toEqual([]);
    Logger.flush();
    expect(said).toEqual([['a', 'Here']]);
  });
});
