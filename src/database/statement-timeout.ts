import type { EntityManager } from 'typeorm';

/** What a statement about all the tokens of an identity may take, of which there may be millions. */
export const EXTENDED_TIMEOUT_MS = 60_000;

/** Gives the rest of a transaction time for many rows. */
export async function extendStatementTimeout(tx: EntityManager): Promise<void> {
  await tx.query(`SET LOCAL statement_timeout = ${EXTENDED_TIMEOUT_MS}`);
}
