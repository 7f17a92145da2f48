import type { ObservationOwner, Owned } from './observation-shares';

/** How many observations of an owner were lost. */
export interface MissedObservations {
  /** Undefined for those that belong to no organization. */
  readonly owner: ObservationOwner | undefined;
  readonly count: number;
}

/** Counts lost observations for each owner. The organizations and auth methods that there are bound its size. */
export class MissedCounts {
  private readonly counts = new Map<string, MissedObservations>();

  get total(): number {
    return [...this.counts.values()].reduce((sum, { count }) => sum + count, 0);
  }

  get isEmpty(): boolean {
    return this.counts.size === 0;
  }

  add([owner]: Owned): void {
    this.addAll([{ owner, count: 1 }]);
  }

  addAll(missed: readonly MissedObservations[]): void {
    for (const { owner, count } of missed) {
      const key = JSON.stringify(owner ?? null);
      this.counts.set(key, { owner, count: (this.counts.get(key)?.count ?? 0) + count });
    }
  }

  /** Takes all of them. */
  take(): MissedObservations[] {
    const all = [...this.counts.values()];
    this.counts.clear();
    return all;
  }
}
