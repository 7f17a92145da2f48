/** The parts of a period in which requests are counted together. */
const SLOTS = 32;

/**
 * Counts the requests of the last period, in 32 parts of it and the one that has just begun.
 *
 * A request is forgotten only when its whole part is older than the period. So requests that lie within one period of each other
 * are always counted together, and a caller waits for up to one thirty-second of the period longer than an exact log would ask.
 * The memory is the same for every limit, unlike that of a log.
 */
export class RateWindow {
  private readonly counts = new Uint32Array(SLOTS + 1);
  private readonly slotMs: number;
  /** The number of the present part, counted from the start of the monotonic clock. */
  private slot = 0;
  private total = 0;

  constructor(readonly perSeconds: number) {
    this.slotMs = (perSeconds * 1_000) / SLOTS;
  }

  /** How many requests count at a moment, as `performance.now()` counts. It never goes back. */
  countAt(moment: number): number {
    const slot = Math.floor(moment / this.slotMs);
    if (slot > this.slot) this.advance(slot);
    return this.total;
  }

  /** Counts a request at the moment that was last asked about. */
  add(): void {
    this.counts[this.slot % this.counts.length]! += 1;
    this.total += 1;
  }

  /** The moment from which fewer than `limit` requests count, if there are no further ones. */
  belowAt(limit: number): number {
    let left = this.total;
    let slot = Math.max(0, this.slot - SLOTS);
    while (left >= limit && slot <= this.slot) {
      left -= this.counts[slot % this.counts.length]!;
      slot += 1;
    }
    // The part before `slot` leaves the window when this one begins.
    return (slot + SLOTS) * this.slotMs;
  }

  private advance(to: number): void {
    const first = Math.max(this.slot + 1, to - SLOTS);
    for (let slot = first; slot <= to; slot += 1) {
      const place = slot % this.counts.length;
      this.total -= this.counts[place]!;
      this.counts[place] = 0;
    }
    this.slot = to;
  }
}
