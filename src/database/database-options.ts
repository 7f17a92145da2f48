import { faultsOf, isObject, must, type OptionTable, whole } from '../common/option-rules';
import { faultOfDatabaseUrl } from './connections/database-url';
import { DEFAULT_SCHEMA, isSchemaName } from './schema';

/** The address of the database: a URL, or a `DataSource` of the host. */
export type DatabaseLocation =
  | {
      /** `postgres://user:password@host:5432/name`. */
      readonly url: string;
      readonly dataSource?: undefined;
    }
  | {
      readonly url?: undefined;
      /**
       * A `DataSource` of the host, of the type `postgres`, initialised or not. Latchkey takes over its connection settings and
       * nothing else: it opens its own connections, does not wait for the host's, and takes no part in its transactions.
       */
      readonly dataSource: { readonly options: { readonly type: string } };
    };

/** Further settings of the database connection. */
export interface DatabaseTuning {
  /**
   * The most connections for management calls, 1 to 1000. Four more serve statements that take rights away.
   *
   * @default 10
   */
  readonly poolSize?: number;
  /**
   * The schema of Latchkey's tables: lower case letters, digits and underscores, at most 63, not beginning with `pg_`.
   *
   * @default 'latchkey'
   */
  readonly schema?: string;
  /**
   * The most connections for look-ups of verification, and as many again for writing uses, 1 to 1000; beside those of
   * `poolSize`.
   *
   * @default 4
   */
  readonly gatePoolSize?: number;
  /**
   * Where to listen for changes of other nodes: a direct connection to the primary, because LISTEN does not work through a
   * pooler in transaction mode. With `false` the node does not listen. It then notices changes by reading alone, still within
   * the bound.
   *
   * @default the address of the database
   */
  readonly pushUrl?: string | false;
}

/** The database: PostgreSQL 15 or later. Its address, and optional settings. */
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

/** All faults. They name options and never quote a value. */
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

/** @param otherwise an alternative to a URL, appended to the sentence that says what a URL must be. */
export function faultsOfUrl(name: string, value: unknown, otherwise = ''): string[] {
  const fault = faultOfDatabaseUrl(value);
  if (fault === undefined) return [];
  return [`${name} ${fault}${fault.startsWith('must be') ? otherwise : ''}`];
}
