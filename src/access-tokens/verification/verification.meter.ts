import { NamedCounts, outcomeOf } from '../../common/named-counts';

/** A verification from memory is timed if its number has these bits at zero: one in 64. */
const SAMPLE = 63;

/** Hears how long a verification took, and where its facts came from. */
export type LatencyObserver = (source: 'memory' | 'database', ms: number) => void;

/** Counts verifications by outcome, in plain numbers that metrics read. To count a verification from memory costs an addition. */
export class VerificationMeter {
  /** Verifications that memory could not answer, and the queries that answered them. */
  lookUps = 0;
  queries = 0;
  private accepted = 0;
  private readonly failures = new NamedCounts();
  private observe: LatencyObserver | undefined;

  /** The outcomes so far: `accepted`, or the code of the refusal. */
  outcomes(): [name: string, count: number][] {
    return [['accepted', this.accepted], ...this.failures.entries()];
  }

  /** Has a listener hear of latencies: of all verifications that asked the database, and one in 64 of the others. */
  onLatency(observe: LatencyObserver): void {
    this.observe = observe;
  }

  /** @param since the start, as `performance.now()` counts. */
  remembered(since: number): void {
    this.accepted += 1;
    if (this.observe !== undefined && (this.accepted & SAMPLE) === 0) this.observe('memory', performance.now() - since);
  }

  /** Counts a verification that has asked the database, once it is over. */
  async later<Result>(verification: Promise<Result>, since: number): Promise<Result> {
    try {
      const verified = await verification;
      this.accepted += 1;
      return verified;
    } catch (error) {
      throw this.failed(error);
    } finally {
      this.observe?.('database', performance.now() - since);
    }
  }

  /** @returns the error. */
  failed<Thrown>(error: Thrown): Thrown {
    this.failures.add(outcomeOf(error));
    return error;
  }
}
