import type { Actor } from './change';

/** Tells whether a caller still has the rights with which its change began. The room that verifies tokens provides it. */
export abstract class CallerStanding {
  /**
   * Asks for nothing after a change of usual length.
   *
   * @param tookMs how long the change has taken.
   * @throws LatchkeyError for a caller that has lost them: its change must not be committed.
   */
  abstract require(actor: Actor, tookMs: number): Promise<void>;
}
