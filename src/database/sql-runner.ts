import type { EntityManager } from 'typeorm';
import { inSchemaOf, type SchemaSource } from './schema';

/** Runs one SQL statement that names tables `latchkey.<table>`, within a transaction: its rows, or those it returns. */
export type SqlRunner = <Row>(sql: string, parameters?: unknown[]) => Promise<Row[]>;

/** What a transaction offers to run SQL with: TypeORM's `EntityManager` and `QueryRunner` do. */
export interface QueryTarget {
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** Runs SQL in a transaction of Latchkey's own. */
export function sqlIn(tx: EntityManager): SqlRunner {
  return sqlOn(tx, tx);
}

/** Runs SQL in any transaction on Latchkey's database. `latchkey` says which schema the tables are in. */
export function sqlOn(target: QueryTarget, latchkey: SchemaSource): SqlRunner {
  return async <Row>(sql: string, parameters: unknown[] = []) =>
    rowsOf<Row>(await target.query(inSchemaOf(latchkey, sql), parameters));
}

/** TypeORM answers an UPDATE or DELETE with its rows and their count. */
function rowsOf<Row>(answer: unknown): Row[] {
  if (!Array.isArray(answer))
    throw new TypeError('manager must answer with rows, as the query of an EntityManager does');
  const isCounted = Array.isArray(answer[0]) && typeof answer[1] === 'number';
  return (isCounted ? answer[0] : answer) as Row[];
}
