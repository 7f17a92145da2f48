import { DatabaseUnavailableError } from '../common/errors/common.errors';
import type { VerificationPools } from '../database/connections/verification-pools';
import type { ChangeFeedService } from './change-feed.service';

/** A row that says which database has answered. */
export interface LivingRow {
  readonly life: string | null;
}

/**
 * A read whose answer is of the database that changes are read from.
 *
 * @throws DatabaseUnavailableError when a standby answers, or a replaced primary: their answers may be old.
 */
export async function readOfPrimary<Row extends LivingRow>(
  { database, changeFeed }: { readonly database: VerificationPools; readonly changeFeed: ChangeFeedService },
  read: () => Promise<Row>,
): Promise<Row> {
  let row = await read();
  if (isForeign(row, changeFeed)) {
    // Most likely the database has just come back, and this node has not read the change feed since.
    await changeFeed.catchUp();
    row = await read();
    if (isForeign(row, changeFeed)) {
      database.reconnect();
      throw new DatabaseUnavailableError(new Error('not the database that changes are read from'));
    }
  }
  return row;
}

function isForeign({ life }: LivingRow, { incarnation }: ChangeFeedService): boolean {
  return incarnation.life !== undefined && incarnation.life !== life;
}
