/** The most steps of one login. They take some milliseconds. */
const MAX_STEPS = 1_000_000;

/**
 * The steps that the claims of one login may take: a step copies a character of a pattern, or compares one with a character of a
 * claim. Many long patterns and many long claims could otherwise occupy the event loop. Without steps left, nothing matches.
 */
export class Effort {
  private steps = 0;

  constructor(private readonly most = MAX_STEPS) {}

  get spent(): number {
    return this.steps;
  }

  get isSpent(): boolean {
    return this.steps > this.most;
  }

  /** @returns whether the steps were left. */
  spend(steps: number): boolean {
    this.steps += steps;
    return !this.isSpent;
  }
}
