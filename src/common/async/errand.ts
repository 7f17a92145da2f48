import { AsyncLocalStorage } from 'node:async_hooks';

/** The caller for whom the database is asked. */
export interface Party {
  /** The members of a group share a bound: an organization, or all callers without a token. */
  readonly group: string;
  /** One member of the group: an identity, or an address. */
  readonly member: string;
  /**
   * Whether the member can stand for many callers: behind an address there may be a proxy. Then only the bound of the group
   * holds.
   */
  readonly isCrowd: boolean;
}

/** The context in which the database is asked: for which party, and whether the statement takes rights away. */
interface Errand {
  readonly party: Party | undefined;
  readonly isTakingAway: boolean;
}

const errands = new AsyncLocalStorage<Errand>();

export function currentErrand(): Errand | undefined {
  return errands.getStore();
}

/** Runs something for a party. A party holds at most a share of the connections for management. */
export function onBehalfOf<T>(party: Party, act: () => T): T {
  return errands.run({ party, isTakingAway: false }, act);
}

/**
 * Runs something that takes rights away: a revocation, a deletion, a lesser role. It has its own connections, so it waits for
 * nothing else, whatever other callers do.
 */
export function takingAway<T>(act: () => T): T {
  return errands.run({ party: currentErrand()?.party, isTakingAway: true }, act);
}
