import type { EntityManager, QueryRunner } from 'typeorm';
import type { QueryTarget } from '../database/sql-runner';
import type { ChangeOptions } from './host-transaction.service';
import { requireKnown } from './input';

const WAYS = ['manager', 'client', 'query'] as const;
type Way = (typeof WAYS)[number];

/** A host's transaction: what runs statements in it, and the option that named it. */
export interface TransactionTarget {
  readonly query: (sql: string, parameters?: unknown[]) => Promise<unknown>;
  readonly way: Way;
  readonly given: unknown;
}

/** The transaction that a host passes; undefined if it passes none. @throws TypeError */
export function targetOf(options: ChangeOptions): TransactionTarget | undefined {
  requireKnown('the last argument', options, [...WAYS, 'organizationId']);
  const [way, ...others] = WAYS.filter((name) => options[name] !== undefined);
  if (way === undefined) return undefined;
  if (others.length > 0) throw new TypeError(`pass one of ${WAYS.join(', ')}: they are ways to name one transaction`);
  const given: unknown = options[way];
  const query = runnerOf(way, given);
  if (query === undefined) throw new TypeError(`${way} must be ${KINDS[way]}`);
  return { way, given, query };
}

const KINDS: Record<Way, string> = {
  manager: 'the EntityManager of a transaction',
  client: 'a client of pg that has begun a transaction',
  query: 'a function that runs a statement in a transaction and answers its rows',
};

function runnerOf(way: Way, given: unknown): TransactionTarget['query'] | undefined {
  if (way === 'query') {
    if (typeof given !== 'function') return undefined;
    const run = given as NonNullable<ChangeOptions['query']>;
    return (sql, parameters = []) => run(sql, parameters);
  }
  const target = given as Partial<QueryTarget> | null;
  if (typeof target?.query !== 'function') return undefined;
  const own = target as QueryTarget;
  if (way === 'manager') return (sql, parameters) => own.query(sql, parameters);
  return async (sql, parameters) => ((await own.query(sql, parameters)) as { rows?: unknown }).rows;
}

/** Outside a transaction, each statement would commit by itself, and a change could be made in part. @throws TypeError */
export async function requireTransaction({ way, given, query }: TransactionTarget): Promise<void> {
  const isActive = way === 'manager' ? isManagerActive(given as object) : await isInTransaction(query);
  if (!isActive) throw new TypeError(`${way} must be ${KINDS[way]} that is running`);
}

function isManagerActive(manager: object): boolean {
  const { queryRunner, isTransactionActive } = manager as Partial<EntityManager & QueryRunner>;
  return isTransactionActive ?? queryRunner?.isTransactionActive ?? !hasManyConnections(manager);
}

/** A `DataSource`, an `EntityManager` outside a transaction or a pool: each statement may run on another connection. */
function hasManyConnections(manager: object): boolean {
  return ['createQueryRunner', 'getRepository', 'idleCount'].some((name) => name in manager);
}

/** PostgreSQL says so itself: outside a transaction it sets no savepoint (SQLSTATE 25P01). */
async function isInTransaction(query: TransactionTarget['query']): Promise<boolean> {
  try {
    await query('SAVEPOINT latchkey_transaction', []);
  } catch (error) {
    if (isOutside(error)) return false;
    throw error;
  }
  await query('RELEASE SAVEPOINT latchkey_transaction', []);
  return true;
}

/** Libraries word it in their own ways: the code of PostgreSQL stands in the error, in its cause or in its text. */
function isOutside(error: unknown): boolean {
  const { code, message, cause } = (error ?? {}) as { code?: unknown; message?: unknown; cause?: unknown };
  if (code === '25P01' || /25P01|can only be used in transaction blocks/.test(String(message))) return true;
  return cause !== undefined && isOutside(cause);
}
