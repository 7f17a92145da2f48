import { LatchkeyError } from './errors/latchkey.error';

/** More names than there are; a bound all the same, because a host may make its own. */
const MOST_NAMES = 500;

/**
 * Counts by name, for metrics. They are plain numbers, which are read when metrics are asked for: to count costs no more than an addition.
 */
export class NamedCounts {
  private readonly counts = new Map<string, number>();

  add(name: string): void {
    const count = this.counts.get(name);
    if (count === undefined && this.counts.size >= MOST_NAMES) return this.add(OTHERS);
    this.counts.set(name, (count ?? 0) + 1);
  }

  entries(): [name: string, count: number][] {
    return [...this.counts];
  }
}

const OTHERS = 'other';

/** The name under which an error is counted: its code, never its text. */
export function outcomeOf(error: unknown): string {
  return error instanceof LatchkeyError ? error.errorCode : 'unexpected';
}
