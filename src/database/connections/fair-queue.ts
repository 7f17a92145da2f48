import type { Party } from '../../common/async/query-context';
import { OverloadedError } from '../../common/errors/common.errors';

/** How many connections there are, and how many of them one group and one member may hold at once. */
export interface Shares {
  readonly all: number;
  readonly group: number;
  readonly member: number;
}

/**
 * A group may hold three quarters of the connections, a member half. A party that is alone is hardly slower, and others get
 * through.
 */
export function sharesOf(all: number): Shares {
  return { all, group: Math.max(1, all - Math.floor(all / 4)), member: Math.ceil(all / 2) };
}

/** For the process itself, when it asks on behalf of no caller. */
const NO_CALLER: Party = { group: '', member: '', isCrowd: true };
/**
 * The most waiting requests of one group, and of all groups together. It bounds memory, and no more requests wait than can be
 * served before their wait ends.
 */
export interface MostWaiting {
  readonly group: number;
  readonly all: number;
}

const MOST_WAITING: MostWaiting = { group: 500, all: 2_000 };
/** The most parties whose last entry is remembered. */
const MOST_REMEMBERED = 10_000;

/** The queue in numbers. All but the first count since the start of the process. */
export interface QueueState {
  readonly waiting: number;
  readonly entered: number;
  readonly waitedMs: number;
  readonly refused: number;
}

interface QueuedRequest extends Party {
  /** The key under which the member is counted. */
  readonly key: string;
  /** Its place in the order of arrival. */
  readonly number: number;
  readonly since: number;
  readonly enter: () => void;
  readonly giveUp: (error: Error) => void;
}

/**
 * A queue for the connections of a pool. The next connection goes to the party that holds the fewest; among equals, to the
 * party that entered longest ago. No party gets more than its share. So the wait of a party depends on its own requests, and
 * little on those of others. If the queue is too long, a request of the party with the most waiting requests is refused. So a
 * flood of requests never causes the refusal of a party that has nothing waiting.
 */
export class FairQueue {
  private readonly held = new Map<string, number>();
  private inside = 0;
  private came = 0;
  /** By member, each in the order of arrival. */
  private readonly waiting = new Map<string, QueuedRequest[]>();
  private readonly waitingOfGroup = new Map<string, number>();
  private waitingInAll = 0;
  /** When groups and members last entered, as `entered` counts. */
  private readonly lastEntered = new Map<string, number>();
  private entered = 0;
  /** The sum of the waits of all requests that entered, and how many were turned away: for metrics. */
  private waitedMs = 0;
  private refused = 0;

  constructor(
    private readonly shares: Shares,
    private readonly most: MostWaiting = MOST_WAITING,
  ) {}

  /** Waits for a place, at most for `waitMs`. @returns a function that gives the place back. */
  take(party: Party | undefined, waitMs: number, tooLate: () => Error): Promise<() => void> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let isOver = false;
      const end = () => {
        isOver = true;
        clearTimeout(timer);
      };
      const enter = (leave: () => void) => {
        end();
        resolve(leave);
      };
      const abandon = this.wait(party, enter, (error) => {
        end();
        reject(error);
      });
      // Most requests have entered by now, and some were refused.
      if (!isOver && waitMs < Infinity) timer = setTimeout(() => abandon(tooLate()), waitMs).unref();
    });
  }

  /**
   * Calls `enter` as soon as the party gets a place. Calls `giveUp` with an OverloadedError, at once or later, if the queue is too
   * long and the party has the most requests in it.
   *
   * @returns a function that removes the request from the queue, if it still waits there.
   */
  wait(party: Party = NO_CALLER, enter: (leave: () => void) => void, giveUp: (error: Error) => void): Abandon {
    const { group, member, isCrowd } = party;
    // Without a spread: V8 would make a hidden class for each object, which outlives the young generation.
    const waiting: QueuedRequest = {
      group,
      member,
      isCrowd,
      key: memberKey(party),
      number: (this.came += 1),
      since: performance.now(),
      enter: () => enter(this.leaver(party)),
      giveUp,
    };
    this.add(waiting);
    this.enterNext();
    this.shorten(waiting);
    return (error) => this.abandonOne(waiting, error);
  }

  get state(): QueueState {
    const { waitingInAll: waiting, entered, waitedMs, refused } = this;
    return { waiting, entered, waitedMs, refused };
  }

  /** Removes all requests that have waited since before a moment, as `performance.now()` counts. */
  abandon(since: number, error: Error): void {
    for (const one of [...this.waiting.values()].flat()) if (one.since < since) this.abandonOne(one, error);
  }

  private abandonOne(one: QueuedRequest, error: Error): void {
    if (!this.remove(one)) return;
    this.refused += 1;
    one.giveUp(error);
  }

  private add(one: QueuedRequest): void {
    const queue = this.waiting.get(one.key);
    if (queue) queue.push(one);
    else this.waiting.set(one.key, [one]);
    this.waitingInAll += 1;
    change(this.waitingOfGroup, one.group, 1);
  }

  private remove(one: QueuedRequest): boolean {
    const queue = this.waiting.get(one.key) ?? [];
    const index = queue.indexOf(one);
    if (index === -1) return false;
    queue.splice(index, 1);
    if (queue.length === 0) this.waiting.delete(one.key);
    this.waitingInAll -= 1;
    change(this.waitingOfGroup, one.group, -1);
    return true;
  }

  /**
   * Refuses the last request of the member with the most waiting requests, in the group with the most. Among equals it refuses the
   * newest request.
   */
  private shorten(newest: QueuedRequest): void {
    const isGroupOver = this.waitingIn(newest.group) > this.most.group;
    if (!isGroupOver && this.waitingInAll <= this.most.all) return;
    const group = isGroupOver ? newest.group : this.largestGroup(newest.group);
    const last = this.largestQueue(group, newest).at(-1);
    if (last) this.abandonOne(last, new OverloadedError());
  }

  /** The group with the most waiting requests; among equals, the given one. */
  private largestGroup(group: string): string {
    let largest = group;
    for (const [other, count] of this.waitingOfGroup) if (count > this.waitingIn(largest)) largest = other;
    return largest;
  }

  /** The queue of one member; among equals, that of the newest request. */
  private largestQueue(group: string, newest: QueuedRequest): QueuedRequest[] {
    let largest = group === newest.group ? (this.waiting.get(newest.key) ?? []) : [];
    for (const queue of this.waiting.values()) {
      if (queue.length > largest.length && queue[0]?.group === group) largest = queue;
    }
    return largest;
  }

  private waitingIn(group: string): number {
    return this.waitingOfGroup.get(group) ?? 0;
  }

  private enterNext(): void {
    while (this.inside < this.shares.all) {
      const next = this.next();
      if (next === undefined) return;
      this.remove(next);
      this.inside += 1;
      for (const key of [next.group, next.key]) change(this.held, key, 1);
      this.noteEntry(next);
      this.waitedMs += performance.now() - next.since;
      next.enter();
    }
  }

  private noteEntry({ group, key }: QueuedRequest): void {
    if (this.lastEntered.size >= MOST_REMEMBERED) this.lastEntered.clear();
    this.entered += 1;
    this.lastEntered.set(group, this.entered).set(key, this.entered);
  }

  private next(): QueuedRequest | undefined {
    let best: QueuedRequest | undefined;
    let fewest = Infinity;
    for (const [first] of this.waiting.values()) {
      const rank = this.rankOf(first!);
      if (rank > fewest || rank === Infinity) continue;
      if (best === undefined || rank < fewest || this.isBefore(first!, best)) [best, fewest] = [first, rank];
    }
    return best;
  }

  /** Whether one of two requests goes first, if their parties hold as many places. */
  private isBefore(one: QueuedRequest, other: QueuedRequest): boolean {
    const byGroup = this.lastEnteredOf(one.group) - this.lastEnteredOf(other.group);
    const byMember = this.lastEnteredOf(one.key) - this.lastEnteredOf(other.key);
    return (byGroup || byMember || one.number - other.number) < 0;
  }

  private lastEnteredOf(key: string): number {
    return this.lastEntered.get(key) ?? 0;
  }

  /** A rank: by how many places the group holds, then by how many the member holds. Infinity if one of them has its whole share. */
  private rankOf({ group, key, isCrowd }: QueuedRequest): number {
    const { all, group: groupShare, member: memberShare } = this.shares;
    const ofGroup = this.held.get(group) ?? 0;
    const ofMember = this.held.get(key) ?? 0;
    const isServed = ofGroup >= groupShare || (!isCrowd && ofMember >= memberShare);
    return isServed ? Infinity : ofGroup * (all + 1) + ofMember;
  }

  private leaver(party: Party): () => void {
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.inside -= 1;
      for (const key of [party.group, memberKey(party)]) change(this.held, key, -1);
      this.enterNext();
    };
  }
}

/** Removes a request that still waits from the queue. */
export type Abandon = (error: Error) => void;

/** The name of a group contains no space, so the key of a member is never the name of a group. */
function memberKey({ group, member }: Party): string {
  return `${group} ${member}`;
}

function change(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
