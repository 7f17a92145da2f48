import { Injectable } from '@nestjs/common';
import type { SqlRunner } from './sql-runner';

/** The times before which tokens and client secrets are refused. */
export interface Recall {
  readonly tokensBefore: Date | null;
  readonly clientSecretsBefore: Date | null;
}

/** The one writer of the row that stands for the instance. It takes any `SqlRunner`. */
@Injectable()
export class InstanceStore {
  /**
   * Marks the instance as set up. The row is also the lock: a second transaction waits here until the first one ends.
   *
   * @returns false for an instance that was set up before.
   */
  async initialize(run: SqlRunner, at: Date): Promise<boolean> {
    const initialized = await run(INITIALIZE, [at]);
    return initialized.length === 1;
  }

  /** Refuses tokens, and client secrets too if asked to, that were issued before a moment. The moment only moves forward. */
  async refuseIssuedBefore(run: SqlRunner, before: Date, includesClientSecrets: boolean): Promise<Recall> {
    const [recall] = await run<Recall>(RECALL, [before, includesClientSecrets]);
    return recall!;
  }
}

const INITIALIZE = `
  UPDATE latchkey.instance SET initialized_at = $1 WHERE id = 1 AND initialized_at IS NULL RETURNING id`;

const RECALL = `
  UPDATE latchkey.instance
     SET tokens_refused_before = greatest(tokens_refused_before, $1),
         client_secrets_refused_before =
           CASE WHEN $2 THEN greatest(client_secrets_refused_before, $1) ELSE client_secrets_refused_before END
   WHERE id = 1
  RETURNING tokens_refused_before AS "tokensBefore", client_secrets_refused_before AS "clientSecretsBefore"`;
