import { IpNetwork } from './common/net/ip-network';
import { type Connection, connectionOf } from './database/connections/connection';
import {
  faultsOf,
  flag,
  isObject,
  listOf,
  must,
  type OptionRule,
  type OptionTable,
  whole,
  withDefaults,
} from './common/option-rules';
import {
  DATABASE_TUNING,
  type DatabaseOptions,
  type DatabaseTuning,
  faultsOfDatabase,
} from './database/database-options';
import type { LatchkeyExtras } from './latchkey.module';
import { type HostPermissions, isOwnPermission, isPermissionName } from './permissions/permission-catalogue';
import { isRole, ROLES } from './permissions/roles';

/** How Latchkey is set up by the application it runs in. */
export interface LatchkeyOptions {
  /** Where the data live: PostgreSQL 15 or later. */
  readonly database: DatabaseOptions;
  /** Signs access tokens (HS256): at least 32 bytes, random, outside the database. */
  readonly authSecret: string;
  /**
   * Secrets that signed earlier and still verify.
   * @default []
   */
  readonly previousAuthSecrets?: readonly string[];
  /**
   * The longest a signed token may live, in seconds; 0 for no ceiling.
   * @default 7776000 (90 days)
   */
  readonly maxTokenAgeSeconds?: number;
  /**
   * Addresses or CIDR blocks of proxies whose X-Forwarded-For is believed.
   * @default []
   */
  readonly trustedProxies?: readonly string[];
  /**
   * How often the uses of tokens without a limit are written to the database, in milliseconds, 10 to 60000.
   * @default 1000
   */
  readonly usageFlushIntervalMs?: number;
  /**
   * How long a token may live on another node after it was revoked, at most, in milliseconds, 100 to 60000. Each node reads
   * what has changed four times in this time.
   * @default 1000
   */
  readonly revocationBoundMs?: number;
  /**
   * How many tokens each node keeps in memory; a kilobyte or so each.
   * @default 20000
   */
  readonly cacheEntries?: number;
  /**
   * How long tokens stay visible after they have run out, in seconds.
   * @default 2592000 (30 days)
   */
  readonly tokenRetentionSeconds?: number;
  /**
   * Whether this application clears away what is no longer needed, now and then.
   * @default true
   */
  readonly maintenance?: boolean;
  /**
   * Whether `POST /api/v1/admin/bootstrap` exists, by which anybody may set up an installation that nobody has set up yet. A
   * host makes its organizations in its own code, with `MachineIdentities`.
   * @default false
   */
  readonly bootstrapEndpoint?: boolean;
  /**
   * Permissions of the host's own, and the roles that hold each: `{ 'reports:read': ['admin', 'member'] }`. Its routes ask for
   * one with `@Authorized('reports:read')`.
   * @default {}
   */
  readonly permissions?: HostPermissions;
  /**
   * Whether the schema is brought up to date when the application starts.
   * @default 'on-start'
   */
  readonly migrate?: 'on-start' | 'never';
}

/** The options are not usable. Thrown when the module starts. */
export class LatchkeyOptionsError extends TypeError {
  override readonly name = 'LatchkeyOptionsError';

  constructor(faults: readonly string[]) {
    super(`Latchkey cannot start:\n  ${faults.join('\n  ')}`);
  }
}

const secret: OptionRule = (name, value) => {
  const fault = faultOfSecret(value);
  return fault === undefined ? [] : [`${name} ${fault}`];
};

/** The options: the default and the rule of each. A new one has an entry here and its type above. */
export const OPTIONS = {
  database: { rule: (_, value) => faultsOfDatabase(value) },
  maxTokenAgeSeconds: { default: 7_776_000, rule: whole(0, 3_153_600_000) },
  usageFlushIntervalMs: { default: 1_000, rule: whole(10, 60_000) },
  revocationBoundMs: { default: 1_000, rule: whole(100, 60_000) },
  cacheEntries: { default: 20_000, rule: whole(1, 10_000_000) },
  tokenRetentionSeconds: { default: 2_592_000, rule: whole(0, 315_360_000) },
  maintenance: { default: true, rule: flag() },
  bootstrapEndpoint: { default: false, rule: flag() },
  migrate: {
    default: 'on-start',
    rule: must("be 'on-start' or 'never'", (value) => value === 'on-start' || value === 'never'),
  },
  permissions: { default: {}, rule: (_, value) => faultsOfPermissions(value) },
  authSecret: { rule: secret },
  previousAuthSecrets: { default: [], rule: listOf(secret) },
  trustedProxies: {
    default: [],
    rule: listOf(
      must(
        'be an IP address or a CIDR block',
        (text) => typeof text === 'string' && IpNetwork.parse(text) !== undefined,
      ),
    ),
  },
} satisfies OptionTable<LatchkeyOptions>;

/** Options that `LatchkeySettings` holds in another form than they were given in. */
type Transformed = 'database' | 'authSecret' | 'previousAuthSecrets' | 'trustedProxies' | 'permissions';

const PlainSettings = class {
  constructor(settings: object) {
    Object.assign(this, settings);
  }
} as new (settings: Omit<Required<LatchkeyOptions>, Transformed>) => Omit<Required<LatchkeyOptions>, Transformed>;

/** The options with every default applied and every value checked. Injected wherever a setting matters. */
export class LatchkeySettings extends PlainSettings {
  readonly connection: Connection;
  readonly poolSize: number;
  readonly schema: string;
  readonly gatePoolSize: number;
  /** Undefined: no listening. */
  readonly pushConnection: Connection['pg'] | undefined;
  readonly authSecrets: readonly [string, ...string[]];
  readonly trustedProxies: readonly IpNetwork[];
  readonly hostPermissions: HostPermissions;

  /** @throws LatchkeyOptionsError that names every option at fault, and never a value. */
  constructor(options: LatchkeyOptions) {
    const faults = faultsOfOptions(options);
    if (faults.length > 0) throw new LatchkeyOptionsError(faults);
    const { database, authSecret, previousAuthSecrets, trustedProxies, permissions, ...plain } = withDefaults(
      OPTIONS,
      options,
    );
    super(plain);
    const { poolSize, schema, gatePoolSize } = withDefaults<DatabaseTuning>(DATABASE_TUNING, database);
    this.connection = connectionOf(database);
    this.poolSize = poolSize;
    this.schema = schema;
    this.gatePoolSize = gatePoolSize;
    this.pushConnection = pushConnectionOf(database, this.connection);
    this.authSecrets = [authSecret, ...previousAuthSecrets];
    this.trustedProxies = trustedProxies.map(IpNetwork.parse).filter((network) => network !== undefined);
    this.hostPermissions = permissions;
  }
}

function pushConnectionOf({ pushUrl }: DatabaseOptions, { pg }: Connection): Connection['pg'] | undefined {
  if (pushUrl === false) return undefined;
  return pushUrl === undefined ? pg : { connectionString: pushUrl };
}

/** What shapes the module graph, and must therefore be known before any factory runs. */
const SHAPING_OPTIONS: Readonly<Record<keyof LatchkeyExtras, true>> = {
  controllers: true,
  mountPath: true,
  authMethods: true,
  securityEvents: true,
};

function faultsOfOptions(options: unknown): string[] {
  if (!isObject(options)) return ['the options must be an object with database and authSecret'];
  const misplaced = Object.keys(SHAPING_OPTIONS).filter((name) => name in options);
  if (misplaced.length > 0)
    return misplaced.map((name) => `${name} must stand beside useFactory, useClass or useExisting, not come from it`);
  return faultsOf(OPTIONS, options);
}

function faultsOfPermissions(permissions: unknown): string[] {
  if (!isObject(permissions)) return ["permissions must be an object such as { 'reports:read': ['admin'] }"];
  return Object.entries(permissions).flatMap(([name, roles]) => {
    const place = `permissions['${name}']`;
    const faults: string[] = [];
    if (!isPermissionName(name)) faults.push(`${place} must be named like reports:read, in lower case`);
    else if (isOwnPermission(name)) faults.push(`${place} must not be named like a permission of Latchkey's own`);
    if (!Array.isArray(roles) || !roles.every(isRole)) faults.push(`${place} must list roles: ${ROLES.join(', ')}`);
    return faults;
  });
}

/** What is wrong with a signing secret, to be said after its name; undefined for a good one. */
export function faultOfSecret(text: unknown): string | undefined {
  if (text === undefined || text === '') return 'must be given: make one with `openssl rand -base64 48`';
  if (typeof text !== 'string') return 'must be a string';
  if (Buffer.byteLength(text) < 32) return 'must have at least 32 bytes';
  return isGuessable(text) ? 'must be random: make one with `openssl rand -base64 48`' : undefined;
}

/** Few different characters, one text over and over, a PEM key or the words of an example: made up or copied. */
function isGuessable(text: string): boolean {
  const isRepetitive = new Set(text).size < 10 || (text + text).indexOf(text, 1) < text.length;
  return isRepetitive || /change.?me|placeholder|your.?secret|example|-----BEGIN/i.test(text);
}
