import { NIL_ID } from '../common/ids';

/** A change of this subject counts as a change of everything. */
export const EVERYTHING = NIL_ID;

/** A change of this subject counts as a change of nothing. */
export const NOTHING = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The most changes that are told apart. Older ones are remembered only by their time. */
const REMEMBERED = 10_000;

/**
 * The subjects (tokens, identities, organizations) that have changed, in the order in which this node applied the changes.
 * Facts are kept with the moment (`now`) at which their read began. They are valid if no subject they rest on has changed
 * since. So a change never has to find the facts that it makes invalid, and facts that were read just before a change and
 * arrive just after it are invalid too.
 *
 * Memory is bounded: when two generations are full, the older is forgotten, and everything that was not checked since then
 * counts as changed. That errs on the safe side, and costs a query.
 */
export class ChangedSubjects {
  private moment = 0;
  /** Everything kept from before this moment counts as changed. */
  private horizon = 0;
  private recent = new Map<string, number>();
  private earlier = new Map<string, number>();
  private earlierUntil = 0;

  constructor(private readonly remembered = REMEMBERED) {}

  /** Grows with every change. */
  get now(): number {
    return this.moment;
  }

  add(subjects: Iterable<string>): void {
    this.moment += 1;
    for (const subject of subjects) {
      if (subject === EVERYTHING) this.horizon = this.moment;
      this.recent.set(subject, this.moment);
      if (this.recent.size >= this.remembered) this.discardEarlier();
    }
  }

  addEverything(): void {
    this.add([EVERYTHING]);
  }

  hasChangedSince(moment: number, subjects: readonly string[]): boolean {
    if (moment < this.horizon) return true;
    return subjects.some((subject) => (this.recent.get(subject) ?? this.earlier.get(subject) ?? 0) > moment);
  }

  private discardEarlier(): void {
    // The latest change among those forgotten: a caller that checked since then was told of them all.
    this.horizon = Math.max(this.horizon, this.earlierUntil);
    this.earlierUntil = this.moment;
    this.earlier = this.recent;
    this.recent = new Map();
  }
}
