import { AsyncLocalStorage } from 'node:async_hooks';

/** On whose behalf something is asked of the database. */
export interface Party {
  /** Those who share a bound: an organization, or all strangers. */
  readonly group: string;
  /** One of them: an identity, or an address. */
  readonly member: string;
  /** Whether it may stand for many: behind an address there may be a proxy. Then only the bound of the group holds. */
  readonly isCrowd: boolean;
}

/** What the database is asked for, beyond the statement: for whom, and whether somebody's rights are being taken away. */
interface Errand {
  readonly party: Party | undefined;
  readonly isTakingAway: boolean;
}

const errands = new AsyncLocalStorage<Errand>();

export function currentErrand(): Errand | undefined {
  return errands.getStore();
}

/** Runs something on somebody's behalf: a party holds a share of the connections for management at most. */
export function onBehalfOf<T>(party: Party, act: () => T): T {
  return errands.run({ party, isTakingAway: false }, act);
}

/**
 * Runs something that takes rights away: a revocation, a deletion, a lesser role. It has connections of its own, and so waits for
 * nothing else that is asked, whatever others do.
 */
export function takingAway<T>(act: () => T): T {
  return errands.run({ party: currentErrand()?.party, isTakingAway: true }, act);
}
