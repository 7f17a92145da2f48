import type { DataSourceOptions } from 'typeorm';
import { faultsOf, isObject, must, type OptionTable, whole } from '../common/option-rules';
import { faultOfDatabaseUrl } from './connections/database-url';
import { DEFAULT_SCHEMA, isSchemaName } from './schema';

/** Where a database is: at a URL, or where a `DataSource` of the host's is. */
export type DatabaseLocation =
  | {
      /** `postgres://user:password@host:5432/name`. */
      readonly url: string;
      readonly dataSource?: undefined;
    }
  | {
      readonly url?: undefined;
      /**
       * A `DataSource` of the host's, of the type `postgres`, initialised or not. Its connection settings are taken over and
       * nothing else: Latchkey opens connections of its own, and neither waits for the host's nor takes part in what they do.
       */
      readonly dataSource: { readonly options: DataSourceOptions };
    };

/** What else there is to say about the database. */
export interface DatabaseTuning {
  /**
   * Connections kept at most, beside four for what takes rights away.
   * @default 10
   */
  readonly poolSize?: number;
  /**
   * Where the tables are kept: lower case letters, digits and underscores, not beginning with `pg_`.
   * @default 'latchkey'
   */
  readonly schema?: string;
  /**
   * Connections kept at most to look up what a verdict needs, and as many again to write uses; beside those of `poolSize`.
   * @default 4
   */
  readonly gatePoolSize?: number;
  /**
   * Where to listen for changes of other nodes: a direct connection to the primary, for LISTEN does not pass a pooler in
   * transaction mode. False for not listening; changes are then noticed by reading alone, within the bound all the same.
   * @default where the database is
   */
  readonly pushUrl?: string | false;
}

/** Where the data live: PostgreSQL 15 or later. */
export type DatabaseOptions = DatabaseLocation & DatabaseTuning;

/** The tuning options: the default and the rule of each. A new one has a line here and its type above. */
export const DATABASE_TUNING = {
  // Left out, it is where the database is.
  pushUrl: {
    default: undefined,
    rule: (name, value) => (value === false ? [] : faultsOfUrl(name, value, ', or false')),
  },
  schema: {
    default: DEFAULT_SCHEMA,
    rule: must('be lower case letters, digits and underscores, 63 at most, and not begin with pg_', isSchemaName),
  },
  poolSize: { default: 10, rule: whole(1, 1_000) },
  gatePoolSize: { default: 4, rule: whole(1, 1_000) },
} satisfies OptionTable<DatabaseTuning>;

/** Everything at fault, by the names of the options and never by a value. */
export function faultsOfDatabase(database: unknown): string[] {
  if (!isObject(database)) return ['database must be an object: { url } or { dataSource }'];
  const { url, dataSource, ...tuning } = database;
  return [...faultsOfLocation(url, dataSource), ...faultsOf(DATABASE_TUNING, tuning, 'database.')];
}

function faultsOfLocation(url: unknown, dataSource: unknown): string[] {
  if (url !== undefined && dataSource !== undefined) return ['database must have a url or a dataSource, not both'];
  if (dataSource === undefined) return faultsOfUrl('database.url', url);
  const { options } = (dataSource ?? {}) as { options?: { type?: unknown } };
  return options?.type === 'postgres' ? [] : ['database.dataSource must be a DataSource of the type postgres'];
}

/** @param otherwise what else it may be, said after what a URL must be. */
export function faultsOfUrl(name: string, value: unknown, otherwise = ''): string[] {
  const fault = faultOfDatabaseUrl(value);
  if (fault === undefined) return [];
  return [`${name} ${fault}${fault.startsWith('must be') ? otherwise : ''}`];
}
