import type { Party } from '../../common/async/errand';

/** How many connections there are, and how many of them one party may hold at once. */
export interface Shares {
  readonly all: number;
  readonly group: number;
  readonly member: number;
}

/** A group may hold all connections but a quarter, a member half of them: alone it is hardly slower, and others get through. */
export function sharesOf(all: number): Shares {
  return { all, group: Math.max(1, all - Math.floor(all / 4)), member: Math.ceil(all / 2) };
}

/** Nobody's in particular: the process itself. */
const NOBODY: Party = { group: '', member: '', isCrowd: true };
/** In all, and of one member: whoever comes then is told at once to come again. */
const MOST_WAITING = 1_000;
const MOST_WAITING_OF_ONE = 500;

interface Waiting extends Party {
  readonly since: number;
  readonly enter: () => void;
  readonly giveUp: (error: Error) => void;
}

/**
 * Lets parties at the connections of a pool, in turns. Whoever has the fewest goes first, then who came first; nobody gets more
 * than a share. So the wait of one party depends on how much it asks itself, and little on what others do.
 */
export class Turnstile {
  private readonly held = new Map<string, number>();
  private inside = 0;
  private readonly waiting = new Set<Waiting>();
  private readonly waitingOf = new Map<string, number>();

  constructor(private readonly shares: Shares) {}

  /** False where so many wait that nobody else can. */
  hasRoomFor(party: Party = NOBODY): boolean {
    const ofOne = this.waitingOf.get(memberKey(party)) ?? 0;
    return this.waiting.size < MOST_WAITING && ofOne < MOST_WAITING_OF_ONE;
  }

  /**
   * Enters as soon as it is the party's turn.
   *
   * @returns a function that gives up the turn if it has not come.
   */
  wait(party: Party = NOBODY, enter: (leave: () => void) => void, giveUp: (error: Error) => void): Abandon {
    const waiting: Waiting = {
      ...party,
      since: performance.now(),
      enter: () => enter(this.leaver(party)),
      giveUp,
    };
    this.waiting.add(waiting);
    change(this.waitingOf, memberKey(party), 1);
    this.admit();
    return (error) => this.abandonOne(waiting, error);
  }

  /** Gives up who has waited since before a moment, as `performance.now()` counts. */
  abandon(since: number, error: Error): void {
    for (const one of [...this.waiting]) if (one.since < since) this.abandonOne(one, error);
  }

  private abandonOne(one: Waiting, error: Error): void {
    if (this.remove(one)) one.giveUp(error);
  }

  private remove(one: Waiting): boolean {
    if (!this.waiting.delete(one)) return false;
    change(this.waitingOf, memberKey(one), -1);
    return true;
  }

  private admit(): void {
    while (this.inside < this.shares.all) {
      const next = this.next();
      if (next === undefined) return;
      this.remove(next);
      this.inside += 1;
      for (const key of keysOf(next)) change(this.held, key, 1);
      next.enter();
    }
  }

  private next(): Waiting | undefined {
    let best: Waiting | undefined;
    let fewest = Infinity;
    for (const one of this.waiting) {
      const rank = this.rankOf(one);
      if (rank < fewest) [best, fewest] = [one, rank];
      // Nobody can have fewer, and nobody who has as few came before.
      if (fewest === 0) break;
    }
    return best;
  }

  /** By what its group holds, then by what it holds itself; Infinity for who holds a share already. */
  private rankOf(one: Waiting): number {
    const { all, group, member } = this.shares;
    const [ofGroup = 0, ofMember = 0] = keysOf(one).map((key) => this.held.get(key));
    const isServed = ofGroup >= group || (!one.isCrowd && ofMember >= member);
    return isServed ? Infinity : ofGroup * (all + 1) + ofMember;
  }

  private leaver(party: Party): () => void {
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.inside -= 1;
      for (const key of keysOf(party)) change(this.held, key, -1);
      this.admit();
    };
  }
}

/** Gives up a turn that has not come yet. */
export type Abandon = (error: Error) => void;

function memberKey({ group, member }: Party): string {
  return `${group} ${member}`;
}

/** A group has no blank in it, so that it is never taken for one of its members. */
function keysOf(party: Party): [string, string] {
  return [party.group, memberKey(party)];
}

function change(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
