import { Injectable } from '@nestjs/common';
import type { SqlRunner } from '../../database/sql-runner';

/** A request that is good for one login. */
export interface UsedRequest {
  /** The hash of its signature: the same for the same request only. */
  readonly digest: Buffer;
  /** From then on its date is refused, and it need not be known. */
  readonly expiresAt: Date;
}

/** The one writer of the signed requests that were used. All nodes share them. */
@Injectable()
export class UsedRequestStore {
  /**
   * Notes that a request is used, in the transaction that issues the token: without a token it is not used. The second of two
   * logins with the same request waits until the first has its token or has failed.
   *
   * @returns false if the request was used already
   */
  async use(run: SqlRunner, { digest, expiresAt }: UsedRequest, now: Date): Promise<boolean> {
    const noted = await run(USE, [digest, expiresAt, now]);
    return noted.length > 0;
  }
}

// Each use also sweeps: it removes two requests that expired long ago for one that is new, so that the table stays as small as
// an hour's logins. "Long ago" is an hour by the clocks of the node and of the database, because clocks may differ.
const USE = `
  WITH swept AS (
    DELETE FROM latchkey.used_signed_requests WHERE digest IN (
      SELECT digest FROM latchkey.used_signed_requests
       WHERE expires_at < least($3::timestamptz, now()) - interval '1 hour' AND digest <> $1
       ORDER BY expires_at LIMIT 2 FOR UPDATE SKIP LOCKED)
  )
  INSERT INTO latchkey.used_signed_requests (digest, expires_at) VALUES ($1, $2)
  ON CONFLICT (digest) DO NOTHING
  RETURNING digest`;
