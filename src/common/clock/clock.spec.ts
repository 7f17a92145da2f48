import { performance } from 'node:perf_hooks';
import { Clock } from './clock';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 1_440 * MINUTE;

/** A clock, the machine's and the database's, each of which can be put wrong. */
function clocks() {
  const clock = new Clock();
  let [elapsed, wallAhead] = [performance.now(), 0];
  const start = Date.UTC(2030, 0, 1) - elapsed;
  jest.spyOn(performance, 'now').mockImplementation(() => elapsed);
  jest.spyOn(Date, 'now').mockImplementation(() => start + elapsed + wallAhead);
  const hear = (aheadMs: number, reachedMs?: number) =>
    clock.synchronize(new Date(start + elapsed + aheadMs), elapsed, elapsed, reachedMs);
  return {
    clock,
    hear,
    truth: () => start + elapsed,
    pass: (ms: number) => (elapsed += ms),
    setMachine: (aheadMs: number) => (wallAhead = aheadMs),
    ahead: () => Math.round(clock.epochMs() - start - elapsed) + 0,
  };
}

afterEach(() => jest.restoreAllMocks());

describe('the clock', () => {
  it.each([0, -DAY, DAY])('follows the database, whatever the machine says (%i ms off)', (machine) => {
    const { hear, ahead, setMachine, pass } = clocks();
    setMachine(machine);
    hear(0);
    expect(ahead()).toBe(0);
    pass(MINUTE);
    hear(300);
    expect(ahead()).toBe(300);
    hear(10 * MINUTE);
    expect(ahead()).toBe(10 * MINUTE);
  });

  // Seen red: the time of the database taken over whatever it is.
  it.each([0, DAY])('is not set back with the database (machine %i ms off), and goes on', (machine) => {
    const { clock, hear, ahead, setMachine, pass } = clocks();
    setMachine(machine);
    hear(0);
    hear(-10 * MINUTE);
    pass(MINUTE);
    hear(-10 * MINUTE);
    expect(ahead()).toBe(0);
    expect(Math.round(clock.databaseBehindMs())).toBe(10 * MINUTE);
    expect(clock.agreedMs()).toBeUndefined();
  });

  it('is put right with a database that was wrong, when the machine bears it out', () => {
    const { hear, ahead } = clocks();
    hear(DAY);
    expect(ahead()).toBe(DAY);
    hear(0);
    expect(ahead()).toBe(0);
  });

  // Seen red: without what has been noted, a node that starts judges by the clock that was set back.
  it('begins no earlier than has been noted, and goes on when the database has caught up', () => {
    const { clock, hear, truth, ahead, pass } = clocks();
    const reached = truth();
    hear(-10 * MINUTE, reached);
    expect(ahead()).toBe(0);
    pass(5 * MINUTE);
    expect(clock.epochMs()).toBe(reached);
    pass(6 * MINUTE);
    expect(ahead()).toBe(-10 * MINUTE);
  });

  it('is agreed on by two clocks that say the same, and steady when none has jumped for ten minutes', () => {
    const { clock, hear, truth, pass, setMachine } = clocks();
    hear(0);
    expect(clock.agreedMs()).toBe(truth());
    expect(clock.isSteady()).toBe(false);
    pass(11 * MINUTE);
    hear(0);
    expect(clock.isSteady()).toBe(true);
    setMachine(MINUTE);
    expect([clock.agreedMs(), clock.isSteady()]).toEqual([undefined, false]);
    setMachine(0);
    hear(60 * DAY);
    setMachine(60 * DAY);
    expect([clock.agreedMs(), clock.isSteady()]).toEqual([undefined, false]);
    pass(11 * MINUTE);
    hear(60 * DAY);
    expect(clock.isSteady()).toBe(true);
  });
});
