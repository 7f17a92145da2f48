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
    expect(clock.isSteady()).toBe(false);
  });

  it('is put right with a database that was wrong, when the machine bears it out', () => {
    const { hear, ahead } = clocks();
    hear(DAY);
    expect(ahead()).toBe(DAY);
    hear(0);
    expect(ahead()).toBe(0);
  });

  // Seen red: the database believed where the machine's clock is merely nearer to what it says now.
  it.each([-60 * MINUTE, -11 * MINUTE])(
    'is not set back with the database by a machine that is slow (%i ms)',
    (machine) => {
      const { hear, ahead, setMachine } = clocks();
      setMachine(machine);
      hear(0);
      hear(-10 * MINUTE);
      expect(ahead()).toBe(0);
    },
  );

  // Seen red: without what has been noted, a node that starts judges by the clock that was set back; and the time standing still
  // until the database has caught up, so that no token ran out.
  it('begins no earlier than has been noted, and runs on from there', () => {
    const { clock, hear, truth, ahead, pass } = clocks();
    hear(-10 * MINUTE, truth());
    expect(ahead()).toBe(0);
    pass(5 * MINUTE);
    hear(-10 * MINUTE, truth() - 5 * MINUTE);
    expect(ahead()).toBe(0);
    expect(Math.round(clock.databaseBehindMs())).toBe(10 * MINUTE);
  });

  describe('is noted', () => {
    it('where nothing has been noted, or where it goes on from that, whatever the machine says', () => {
      const { clock, hear, truth, setMachine } = clocks();
      expect(clock.noteableMs()).toBeUndefined();
      setMachine(-DAY);
      hear(0);
      expect(clock.noteableMs()).toBeCloseTo(truth(), 0);
      hear(0, truth() - 9 * MINUTE);
      expect(clock.noteableMs()).toBeCloseTo(truth(), 0);
      hear(-10 * MINUTE, truth());
      expect(clock.noteableMs()).toBeCloseTo(truth(), 0);
    });

    // Seen red: one start with a clock a day ahead.
    it('not in one start with clocks that run ahead, but once they have agreed for as long as they are ahead, a day at most', () => {
      const { clock, hear, truth, pass, setMachine } = clocks();
      const noted = truth();
      setMachine(60 * MINUTE);
      hear(60 * MINUTE, noted);
      expect(clock.noteableMs()).toBeUndefined();
      pass(30 * MINUTE);
      hear(60 * MINUTE, noted);
      expect([clock.noteableMs(), clock.isSteady()]).toEqual([undefined, false]);
      pass(61 * MINUTE);
      hear(60 * MINUTE, noted);
      expect(clock.noteableMs()).toBeUndefined();
      pass(2 * DAY);
      hear(60 * MINUTE, noted);
      expect(clock.isSteady()).toBe(true);
      expect(clock.noteableMs()).toBeCloseTo(truth() + 60 * MINUTE, 0);
    });
  });

  it('is steady when database and machine agree and none has jumped for ten minutes', () => {
    const { clock, hear, truth, pass, setMachine } = clocks();
    hear(0, truth());
    expect(clock.isSteady()).toBe(false);
    pass(11 * MINUTE);
    hear(0, truth());
    expect(clock.isSteady()).toBe(true);
    setMachine(MINUTE);
    expect(clock.isSteady()).toBe(false);
    setMachine(0);
    hear(60 * DAY, truth());
    setMachine(60 * DAY);
    expect(clock.isSteady()).toBe(false);
    pass(11 * MINUTE);
    hear(60 * DAY, truth());
    expect(clock.isSteady()).toBe(false);
    pass(DAY);
    hear(60 * DAY, truth());
    expect(clock.isSteady()).toBe(true);
  });
});
