import type { EntityManager } from 'typeorm';

/** The time limit of a statement about all tokens of an identity, of which there may be millions. */
export const EXTENDED_TIMEOUT_MS = 60_000;

/** Gives the rest of a transaction time for many rows. */
export async function extendStatementTimeout(tx: EntityManager): Promise<void> {
  await tx.query(`SET LOCAL statement_timeout = ${EXTENDED_TIMEOUT_MS}`);
}
