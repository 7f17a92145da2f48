import { performance } from 'node:perf_hooks';
import type { Actor } from './change';

const VERIFIED_AT = new WeakMap<object, number>();

/** Notes that a caller was verified now. Its object is made for each request. */
export function noteVerified(caller: object): void {
  VERIFIED_AT.set(caller, performance.now());
}

/** When a caller was verified, as `performance.now()` counts; undefined if it was not noted. */
export function verifiedAt(caller: object): number | undefined {
  return VERIFIED_AT.get(caller);
}

/** Tells whether a caller still has the rights with which its change began. The room that verifies tokens provides it. */
export abstract class CallerStanding {
  /**
   * Asks for nothing after a change of usual length.
   *
   * @param tookMs how long ago the caller was verified.
   * @throws LatchkeyError for a caller that has lost them: its change must not be committed.
   */
  abstract require(actor: Actor, tookMs: number): Promise<void>;
}
