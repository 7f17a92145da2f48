import { performance } from 'node:perf_hooks';
import { Logger } from '@nestjs/common';
import { StandingFailureLog } from './standing-failure-log';

describe('the log of a task that is tried again', () => {
  const said: unknown[] = [];
  let nowMs = 0;
  class Memory extends Logger {
    override warn(entry: unknown): void {
      said.push(entry);
    }
  }
  const failures = () => new StandingFailureLog(new Memory());

  beforeEach(() => {
    said.length = 0;
    nowMs = 5_000;
    jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
  });
  afterEach(() => jest.restoreAllMocks());

  it('has no warning about failures of less than ten seconds, however many', () => {
    const log = failures();
    for (let second = 0; second < 10; second += 1) {
      log.failed({ event: 'x' });
      nowMs += 999;
    }
    expect(said).toEqual([]);
  });

  it('has one when no try of ten seconds succeeded', () => {
    const log = failures();
    log.failed({ event: 'x' });
    nowMs += 10_000;
    log.failed({ event: 'x' });
    log.failed({ event: 'x' });
    expect(said).toEqual([{ event: 'x' }]);
  });

  it('counts from the last success', () => {
    const log = failures();
    log.failed({ event: 'x' });
    nowMs += 6_000;
    log.succeeded();
    log.failed({ event: 'x' });
    nowMs += 6_000;
    log.failed({ event: 'x' });
    expect(said).toEqual([]);
  });
});
