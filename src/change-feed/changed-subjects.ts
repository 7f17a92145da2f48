import { NIL_ID } from '../common/ids';

/** A change of this one is a change of everything. */
export const EVERYTHING = NIL_ID;

/** A change of this one is a change of nothing. */
export const NOTHING = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** So many changes are told apart; older ones are remembered only as "something changed back then". */
const REMEMBERED = 10_000;

/**
 * Which subjects (tokens, identities, organizations) have changed, in the order this node learnt of it. Facts are kept with
 * the moment (`now`) at which reading them began: they are good as long as nothing they rest on has changed since. So a
 * change never has to find the facts it spoils, and facts read just before a change that arrive just after it are spoilt too.
 *
 * Memory is bounded: when two generations are full, the older is forgotten, and everything not asked about since then
 * counts as changed. That errs to the safe side, at the price of a query.
 */
export class ChangedSubjects {
  private moment = 0;
  /** Everything kept from before this moment counts as changed. */
  private horizon = 0;
  private recent = new Map<string, number>();
  private earlier = new Map<string, number>();
  private earlierUntil = 0;

  constructor(private readonly remembered = REMEMBERED) {}

  /** Grows with every change that is learnt of. */
  get now(): number {
    return this.moment;
  }

  add(subjects: Iterable<string>): void {
    this.moment += 1;
    for (const subject of subjects) {
      if (subject === EVERYTHING) this.horizon = this.moment;
      this.recent.set(subject, this.moment);
      if (this.recent.size >= this.remembered) this.forgetEarlier();
    }
  }

  addEverything(): void {
    this.add([EVERYTHING]);
  }

  hasChangedSince(moment: number, subjects: readonly string[]): boolean {
    if (moment < this.horizon) return true;
    return subjects.some((subject) => (this.recent.get(subject) ?? this.earlier.get(subject) ?? 0) > moment);
  }

  private forgetEarlier(): void {
    // The latest change among those forgotten: who looked since then has been told of them all.
    this.horizon = Math.max(this.horizon, this.earlierUntil);
    this.earlierUntil = this.moment;
    this.earlier = this.recent;
    this.recent = new Map();
  }
}
