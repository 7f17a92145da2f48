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

/** The party of a caller without a known token: all of them share one bound, because behind an address there may be a proxy. */
export function strangerAt(address = ''): Party {
  return { group: 'strangers', member: address, isCrowd: true };
}

/** The context in which the database is asked: for which party, and whether the statement takes rights away. */
interface QueryContext {
  readonly party: Party | undefined;
  readonly isRevoking: boolean;
}

const contexts = new AsyncLocalStorage<QueryContext>();
let underWay = 0;

export function currentQueryContext(): QueryContext | undefined {
  return contexts.getStore();
}

/** Runs something for a party. A party holds at most a share of the connections for management. */
export function onBehalfOf<T>(party: Party, act: () => Promise<T>): Promise<T> {
  return runIn({ party, isRevoking: false }, act);
}

/**
 * Runs something that takes rights away: a revocation, a deletion, a lesser role. It has its own connections, so it waits for
 * nothing else, whatever other callers do.
 */
export function takingAway<T>(act: () => Promise<T>): Promise<T> {
  return runIn({ party: currentQueryContext()?.party, isRevoking: true }, act);
}

/** Keeps the present context for calls that come after its end, such as the reads for the rest of a long answer. */
export function keepingContext<Args extends unknown[], T>(act: (...args: Args) => Promise<T>): typeof act {
  const context = currentQueryContext();
  return context === undefined ? act : (...args) => runIn(context, () => act(...args));
}

/**
 * Before Node 24, an `AsyncLocalStorage` in use makes every promise of the process slower, also those of a host's own requests.
 * So the storage is in use only while a context is under way.
 */
async function runIn<T>(context: QueryContext, act: () => Promise<T>): Promise<T> {
  underWay += 1;
  try {
    return await contexts.run(context, act);
  } finally {
    underWay -= 1;
    if (underWay === 0) contexts.disable();
  }
}
