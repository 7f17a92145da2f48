import type { SqlRunner } from '../database/sql-runner';
import type { Change } from './change';
import type { MissedObservations } from './missed-observations';
import type { Observation } from './observation';

/** The one place for an audit log. It hears of every change and login, of reads of management data, and of requests and
 * logins that got nothing. */
export abstract class AuditTrail {
  /**
   * Records a change, or a login that is about to get its token. It runs in the transaction of the change, just before the
   * commit. Rows that it writes are committed with the change. If it throws, the change is rolled back.
   */
  abstract record(run: SqlRunner, change: Change): Promise<void>;

  /**
   * Records reads, and requests and logins that changed nothing. It runs after their answers, for many of them together. No request waits
   * for it, and an error here changes no answer.
   *
   * @param missed how many further observations of each organization were lost since the last call: memory was full, or a
   * call failed.
   */
  abstract observe(observations: readonly Observation[], missed: readonly MissedObservations[]): Promise<void>;
}
