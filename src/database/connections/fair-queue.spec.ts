import type { Party } from '../../common/async/query-context';
import { sharesOf, FairQueue } from './fair-queue';

const party = (group: string, member: string, isCrowd = false): Party => ({ group, member, isCrowd });
const ALICE = party('acme', 'alice');
const BOB = party('acme', 'bob');
const EVE = party('evil', 'eve');

/** A queue, and what happens at it. */
function at(all: number) {
  const queue = new FairQueue(sharesOf(all));
  const inside: { who: string; leave: () => void }[] = [];
  const givenUp: string[] = [];
  const come = (who: Party, times = 1) =>
    Array.from({ length: times }, () =>
      queue.wait(
        who,
        (leave) => inside.push({ who: who.member, leave }),
        () => givenUp.push(who.member),
      ),
    );
  return { queue, inside, givenUp, come, names: () => inside.map(({ who }) => who) };
}

describe('the turns at the connections of a pool', () => {
  it('let in who comes while there is room', () => {
    const { come, names } = at(4);
    come(ALICE);
    come(EVE);
    expect(names()).toEqual(['alice', 'eve']);
  });

  it('give a member no more than half of the connections, however often it asks', () => {
    const { come, names } = at(10);
    come(ALICE, 100);
    expect(names()).toHaveLength(5);
  });

  it('give a group no more than three quarters, so that another gets through at once', () => {
    const { come, names } = at(10);
    for (let n = 0; n < 100; n += 1) come(party('acme', `member ${n}`));
    expect(names()).toHaveLength(8);
    come(EVE);
    expect(names().at(-1)).toBe('eve');
  });

  it('give a crowd what a group may have: behind one address there may be many', () => {
    const { come, names } = at(10);
    come(party('strangers', '192.0.2.1', true), 100);
    expect(names()).toHaveLength(8);
  });

  it('pass to who holds the fewest, and of these to who came first', () => {
    const { come, inside, names } = at(4);
    come(EVE, 20);
    come(BOB, 20);
    come(ALICE);
    come(party('other', 'olga'));
    expect(names()).toEqual(['eve', 'eve', 'bob', 'bob']);
    inside[0]!.leave();
    inside[2]!.leave();
    expect(names().slice(4)).toEqual(['olga', 'alice']);
    inside[3]!.leave();
    expect(names().slice(6)).toEqual(['bob']);
    inside[1]!.leave();
    expect(names().slice(7)).toEqual(['eve']);
  });

  it('pass on in the order they were asked for', () => {
    const { come, inside, names } = at(1);
    for (const name of ['a', 'b', 'c', 'd']) come(party('acme', name));
    for (let n = 0; n < 3; n += 1) inside[n]!.leave();
    expect(names()).toEqual(['a', 'b', 'c', 'd']);
  });

  // Seen red: by when they came, so that whoever had asked most had most turns.
  it('pass to who has been without for longest, where all hold as much', () => {
    const { come, inside, names } = at(1);
    come(EVE, 3);
    come(ALICE);
    for (let n = 0; n < 3; n += 1) inside[n]!.leave();
    expect(names()).toEqual(['eve', 'alice', 'eve', 'eve']);
  });

  it('are waited for as long as was said, and no longer', async () => {
    const queue = new FairQueue(sharesOf(1));
    const leave = await queue.take(ALICE, 1, () => new Error('too late'));
    await expect(queue.take(BOB, 1, () => new Error('too late'))).rejects.toThrow('too late');
    leave();
    (await queue.take(EVE, 1, () => new Error('too late')))();
  });

  it('are over once, however often that is said', () => {
    const { come, inside, names } = at(1);
    come(ALICE, 3);
    inside[0]!.leave();
    inside[0]!.leave();
    expect(names()).toHaveLength(2);
  });

  it('can be given up, one or all that were asked for before a moment', () => {
    const { queue, come, givenUp, inside, names } = at(1);
    come(ALICE);
    const [abandon] = come(BOB);
    come(EVE, 2);
    abandon!(new Error('enough'));
    abandon!(new Error('enough'));
    expect(givenUp).toEqual(['bob']);
    queue.abandon(performance.now() + 1, new Error('away'));
    expect(givenUp).toEqual(['bob', 'eve', 'eve']);
    inside[0]!.leave();
    expect(names()).toEqual(['alice']);
  });

  describe('while others flood the line', () => {
    const stranger = (address: string) => party('strangers', address, true);
    /** How many are in the line. */
    const waiting = ({ inside, givenUp }: ReturnType<typeof at>, came: number) => came - inside.length - givenUp.length;

    it('turn away nobody who has nothing waiting, in the same group or in another', () => {
      const line = at(1);
      for (const [who, times] of [
        [ALICE, 600],
        [EVE, 600],
        [stranger('a'), 600],
        [stranger('b'), 600],
      ] as const)
        line.come(who, times);
      for (let n = 0; n < 20; n += 1) line.come(party(`tenant ${n}`, 'root'), 600);
      const quiet = [BOB, party('evil', 'mallet'), stranger('c'), party('other', 'olga'), party('', '', true)];
      for (const who of quiet) line.come(who);
      expect(line.givenUp).toEqual(expect.not.arrayContaining(quiet.map(({ member }) => member)));
      expect(waiting(line, 24 * 600 + quiet.length)).toBe(2_000);
    });

    it('turn away the last who came of the member that has most, in a group that has five hundred', () => {
      const { come, givenUp, inside } = at(1);
      come(BOB);
      come(ALICE, 501);
      expect(givenUp).toEqual(['alice']);
      come(BOB, 10);
      expect(givenUp).toEqual(Array(11).fill('alice'));
      for (let n = 0; n < 2; n += 1) inside[n]!.leave();
      expect(inside.map(({ who }) => who)).toEqual(['bob', 'alice', 'bob']);
    });

    it('leave a group that has few waiting what it has, however many groups there are', () => {
      const line = at(1);
      line.come(ALICE, 30);
      for (let n = 0; n < 50; n += 1) line.come(party(`tenant ${n}`, 'root'), 500);
      expect(line.givenUp).toEqual(expect.not.arrayContaining(['alice']));
      expect(waiting(line, 30 + 50 * 500)).toBe(2_000);
    });

    it('turn away who came last among equals', () => {
      const { come, givenUp } = at(1);
      come(EVE);
      for (let n = 0; n < 502; n += 1) come(party('acme', `member ${n}`));
      expect(givenUp).toEqual(['member 500', 'member 501']);
    });

    it('pass to a party that comes late before they pass to the flood again', () => {
      const { come, inside, names } = at(4);
      come(stranger('a'), 600);
      come(stranger('b'), 600);
      come(ALICE, 2);
      expect(names()).toEqual(['a', 'a', 'a', 'alice']);
      inside[0]!.leave();
      inside[1]!.leave();
      expect(names().slice(4)).toEqual(expect.arrayContaining(['alice']));
    });
  });

  it.each([
    [1, { all: 1, group: 1, member: 1 }],
    [2, { all: 2, group: 2, member: 1 }],
    [4, { all: 4, group: 3, member: 2 }],
    [10, { all: 10, group: 8, member: 5 }],
  ])('leave something for everybody of %i connections', (all, shares) => {
    expect(sharesOf(all)).toEqual(shares);
  });
});
