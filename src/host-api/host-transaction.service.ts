import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import { isDatabaseUnavailable } from '../common/errors/database-errors';
import { isId, NIL_ID } from '../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { sqlOn, type SqlRunner } from '../database/sql-runner';
import type { ChangeAction } from '../changes/change';
import { UnitOfWork } from '../changes/unit-of-work';
import { ChangesService } from '../changes/changes.service';
import { requireTransaction, targetOf } from './transaction-target';

/** Runs SQL in a transaction: an `EntityManager` of the host or of Latchkey, or a `QueryRunner`. */
export interface TransactionalManager {
  /** Like TypeORM's `query`: returns the rows of a SELECT or INSERT, the rows and their count of an UPDATE or DELETE. */
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** A `Client` of `pg`, or a client that its pool gave out. */
export interface TransactionalClient {
  query(sql: string, parameters?: unknown[]): Promise<{ readonly rows: unknown[] }>;
}

/**
 * Options of a change. `manager`, `client` and `query` are three ways to name one thing: a running transaction on Latchkey's
 * database. The change commits or rolls back with it. Without them, the change is its own transaction.
 */
export interface ChangeOptions {
  /** The `EntityManager` of the transaction, or its `QueryRunner`. */
  readonly manager?: TransactionalManager;
  /** The client of `pg` that has begun the transaction. */
  readonly client?: TransactionalClient;
  /**
   * Runs a statement in the transaction and answers its rows. For Prisma 7, or 6 with a driver adapter:
   * `(sql, parameters) => tx.$queryRawUnsafe(sql, ...parameters)`.
   */
  readonly query?: (sql: string, parameters: unknown[]) => Promise<unknown>;
  /**
   * The organization that the object must belong to; an object of another organization counts as one that does not exist. Pass
   * it whenever an id comes from outside, with the organization of the caller.
   */
  readonly organizationId?: string;
}

/** The organization as a parameter of a statement: null for any, and an id that no row has for a text that is not an id. */
export function organizationOf({ organizationId }: ChangeOptions): string | null {
  if (organizationId === undefined) return null;
  return isId(organizationId) ? organizationId : NIL_ID;
}

type HostAct<T> = (work: UnitOfWork) => Promise<T>;

/**
 * Makes a host's changes in the host's transaction, or in one of Latchkey's. It uses SQL only, because a host's manager does
 * not know Latchkey's entities, and always names the schema.
 */
@Injectable()
export class HostTransactionService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly changes: ChangesService,
  ) {}

  /** @throws DatabaseUnavailableError. It is thrown here, because Latchkey's filter is absent on a host's own route. */
  async within<T>(action: ChangeAction, options: ChangeOptions, act: HostAct<T>): Promise<T> {
    const attempt = { actor: 'host', action } as const;
    const target = targetOf(options);
    if (target === undefined) return said(this.changes.alter(attempt, act));
    await requireTransaction(target);
    return said(this.changes.within(attempt, new UnitOfWork(sqlOn(target, this.dataSource)), act));
  }

  /** The same for what takes rights or credentials away. */
  async takeAway<T>(action: ChangeAction, options: ChangeOptions, act: HostAct<T>): Promise<T> {
    if (targetOf(options) !== undefined) return this.within(action, options, act);
    return said(this.changes.takeAway({ actor: 'host', action }, act));
  }

  /** Reads by one statement, in the transaction if there is one. */
  read<T>(options: ChangeOptions, act: (run: SqlRunner) => Promise<T>): Promise<T> {
    return this.run(options, act);
  }

  /** Runs statements in the transaction; without one, each commits by itself. */
  async run<T>(options: ChangeOptions, act: (run: SqlRunner) => Promise<T>): Promise<T> {
    const target = targetOf(options);
    if (target !== undefined) await requireTransaction(target);
    return said(act(sqlOn(target ?? this.dataSource, this.dataSource)));
  }
}

async function said<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    throw isDatabaseUnavailable(error) ? new DatabaseUnavailableError(error) : error;
  }
}
