/** The fields that the cache keeps on each of its values. */
export interface CacheEntry {
  /** The size of the value, in units of the cache's capacity. */
  weight: number;
  /** Set by a hit, cleared when the value is passed over for eviction. */
  wasUsed: boolean;
}

/** One insertion passes over at most this many values, so that its work has an end. */
const MOST_SECOND_CHANCES = 64;

/**
 * A bounded cache that evicts in the order of insertion and gives values that were used since a second chance (the CLOCK
 * algorithm). A hit sets one bit and moves nothing. A list of the least recently used would rewrite links on every hit.
 */
export class SecondChanceCache<Value extends CacheEntry> {
  private readonly entries = new Map<string, Value>();
  private totalWeight = 0;

  /** @param capacity the total weight kept at most. */
  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: string): Value | undefined {
    const value = this.entries.get(key);
    // Written only when it changes: most hits are on values that have been hit before.
    if (value !== undefined && !value.wasUsed) value.wasUsed = true;
    return value;
  }

  /** Keeps a value, or keeps it again after its weight has changed. A value heavier than the capacity is not kept. */
  set(key: string, value: Value, weight = value.weight): void {
    this.delete(key);
    value.weight = weight;
    if (weight > this.capacity) return;
    this.makeRoomFor(weight);
    this.entries.set(key, value);
    this.totalWeight += weight;
  }

  delete(key: string): void {
    const value = this.entries.get(key);
    if (value === undefined) return;
    this.entries.delete(key);
    this.totalWeight -= value.weight;
  }

  private makeRoomFor(weight: number): void {
    let chances = MOST_SECOND_CHANCES;
    // A value that is put back comes last, so that the loop sees it again only after all others.
    for (const [key, value] of this.entries) {
      if (this.totalWeight + weight <= this.capacity) return;
      if (value.wasUsed && chances > 0) {
        chances -= 1;
        value.wasUsed = false;
        this.entries.delete(key);
        this.entries.set(key, value);
      } else {
        this.delete(key);
      }
    }
  }
}
