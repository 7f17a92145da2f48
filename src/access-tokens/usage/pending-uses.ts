import type { SafeLogger } from '../../common/safe-logger';

/** Uses of one token. */
export interface Uses {
  count: number;
  /** When the last one was, in milliseconds since the epoch. */
  lastAt: number;
}

/** The most tokens whose uses wait. Beyond that, uses are lost, because memory must not grow. */
export const MAX_WAITING = 100_000;

/** The uses that wait to be written, summed by token. */
export class PendingUses {
  private waiting = new Map<string, Uses>();
  private lost = 0;
  /** Uses that were given up since the start of the process. */
  lostInAll = 0;

  constructor(private readonly logger: SafeLogger) {}

  /** How many tokens have uses that wait. */
  get size(): number {
    return this.waiting.size;
  }

  /** One use, on every verified request: of a token whose uses wait already it makes no object. */
  note(tokenId: string, at: number): void {
    this.sum(tokenId, 1, at);
  }

  add(tokenId: string, { count, lastAt }: Uses): void {
    this.sum(tokenId, count, lastAt);
  }

  addAll(uses: ReadonlyMap<string, Uses>): void {
    for (const [tokenId, noted] of uses) this.add(tokenId, noted);
  }

  /** Hands out the uses of so many tokens at most, those that have waited longest. They wait no longer. */
  take(most: number): Map<string, Uses> {
    if (this.waiting.size <= most) {
      const uses = this.waiting;
      this.waiting = new Map();
      return uses;
    }
    const uses = new Map<string, Uses>();
    for (const [tokenId, noted] of this.waiting) {
      uses.set(tokenId, noted);
      this.waiting.delete(tokenId);
      if (uses.size === most) break;
    }
    return uses;
  }

  /** Gives uses up. The first loss of an outage is logged. */
  lose(uses: number): void {
    if (this.lost === 0) this.logger.error({ event: 'uses.not_counted', tokensWaiting: this.waiting.size });
    this.lost += uses;
    this.lostInAll += uses;
  }

  /** Once uses are written again, logs how many were lost. */
  sayLost(): void {
    if (this.lost > 0) this.logger.error({ event: 'uses.lost', uses: this.lost });
    this.lost = 0;
  }

  private sum(tokenId: string, count: number, lastAt: number): void {
    const uses = this.waiting.get(tokenId);
    if (uses === undefined) return this.begin(tokenId, { count, lastAt });
    uses.count += count;
    if (lastAt > uses.lastAt) uses.lastAt = lastAt;
  }

  private begin(tokenId: string, uses: Uses): void {
    if (this.waiting.size >= MAX_WAITING) return this.lose(uses.count);
    this.waiting.set(tokenId, uses);
  }
}
