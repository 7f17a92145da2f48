import type { EntityManager } from 'typeorm';
import { inSchemaOf, type SchemaSource } from './schema';

/** Runs one SQL statement in a transaction. It names tables `latchkey.<table>`. @returns the rows that the statement returns. */
export type SqlRunner = <Row>(sql: string, parameters?: unknown[]) => Promise<Row[]>;

/** An object that runs SQL in a transaction, such as TypeORM's `EntityManager` and `QueryRunner`. */
export interface QueryTarget {
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** Runs SQL in a transaction of Latchkey's own. */
export function sqlIn(tx: EntityManager): SqlRunner {
  return sqlOn(tx, tx);
}

/** Runs SQL in any transaction on Latchkey's database. The schema of the tables is that of `latchkey`. */
export function sqlOn(target: QueryTarget, latchkey: SchemaSource): SqlRunner {
  return async <Row>(sql: string, parameters: unknown[] = []) =>
    rowsOf<Row>(await target.query(inSchemaOf(latchkey, sql), parameters));
}

/** The rows of an answer. For an UPDATE or DELETE, TypeORM returns the rows and their count. */
function rowsOf<Row>(answer: unknown): Row[] {
  if (!Array.isArray(answer))
    throw new TypeError('manager must answer with rows, as the query of an EntityManager does');
  const isCounted = Array.isArray(answer[0]) && typeof answer[1] === 'number';
  return (isCounted ? answer[0] : answer) as Row[];
}
