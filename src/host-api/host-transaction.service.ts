import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import { isDatabaseUnavailable } from '../common/errors/database-errors';
import { isId, NIL_ID } from '../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { sqlOn } from '../database/sql-runner';
import type { ChangeAction } from '../changes/change';
import { UnitOfWork } from '../changes/unit-of-work';
import { ChangesService } from '../changes/changes.service';
import { requireKnown } from './input';

/** Runs SQL in a transaction: an `EntityManager` of the host or of Latchkey, or a `QueryRunner`. */
export interface TransactionalManager {
  /** Like TypeORM's `query`: returns the rows of a SELECT or INSERT, the rows and their count of an UPDATE or DELETE. */
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** Options of a change. */
export interface ChangeOptions {
  /**
   * The `EntityManager` of a running transaction on Latchkey's database: the change commits or rolls back with it. Without it,
   * the change is its own transaction.
   */
  readonly manager?: TransactionalManager;
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
    requireKnown('the second argument', options, ['manager', 'organizationId']);
    const { manager } = options;
    if (manager === undefined) return said(this.changes.alter({ actor: 'host', action }, act));
    requireTransaction(manager);
    const work = new UnitOfWork(sqlOn(manager, this.dataSource));
    return said(this.changes.within({ actor: 'host', action }, work, act));
  }

  /** The same for what takes rights or credentials away. */
  async takeAway<T>(action: ChangeAction, options: ChangeOptions, act: HostAct<T>): Promise<T> {
    requireKnown('the second argument', options, ['manager', 'organizationId']);
    if (options.manager !== undefined) return this.within(action, options, act);
    return said(this.changes.takeAway({ actor: 'host', action }, act));
  }
}

async function said<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    throw isDatabaseUnavailable(error) ? new DatabaseUnavailableError(error) : error;
  }
}

/** Outside a transaction, each statement would commit by itself, and a change could be made in part. */
function requireTransaction(manager: unknown): void {
  const { query, queryRunner, isTransactionActive } = (manager ?? {}) as Partial<EntityManager & QueryRunner>;
  if (typeof query !== 'function') throw new TypeError('manager must be the EntityManager of a transaction');
  const isActive = isTransactionActive ?? queryRunner?.isTransactionActive ?? !hasManyConnections(manager as object);
  if (!isActive) throw new TypeError('manager must be the EntityManager of a transaction that is running');
}

/** A `DataSource`, an `EntityManager` outside a transaction or a pool: each statement may run on another connection. */
function hasManyConnections(manager: object): boolean {
  return ['createQueryRunner', 'getRepository', 'idleCount'].some((name) => name in manager);
}
