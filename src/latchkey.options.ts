import { IpNetwork } from './common/net/ip-network';
import { type Connection, connectionOf } from './database/connections/connection';
import {
  faultsOf,
  flag,
  isObject,
  listOf,
  must,
  needed,
  type OptionRule,
  type OptionRules,
  whole,
} from './common/option-rules';
import { type DatabaseOptions, faultsOfDatabase } from './database/database-options';
import { DEFAULT_SCHEMA } from './database/schema';
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

/** The options with every default applied and every value checked. Injected wherever a setting matters. */
export class LatchkeySettings {
  readonly connection: Connection;
  readonly poolSize: number;
  readonly schema: string;
  readonly gatePoolSize: number;
  /** Undefined: no listening. */
  readonly pushConnection: Connection['pg'] | undefined;
  readonly authSecrets: readonly [string, ...string[]];
  readonly maxTokenAgeSeconds: number;
  readonly trustedProxies: readonly IpNetwork[];
  readonly usageFlushIntervalMs: number;
  readonly revocationBoundMs: number;
  readonly cacheEntries: number;
  readonly tokenRetentionSeconds: number;
  readonly maintenance: boolean;
  readonly bootstrapEndpoint: boolean;
  readonly hostPermissions: HostPermissions;
  readonly migrate: 'on-start' | 'never';

  /** @throws LatchkeyOptionsError that names every option at fault, and never a value. */
  constructor(options: LatchkeyOptions) {
    const faults = faultsOfOptions(options);
    if (faults.length > 0) throw new LatchkeyOptionsError(faults);
    const { database, authSecret, migrate, ...rest } = { ...DEFAULTS, ...defined(options) };
    this.connection = connectionOf(database);
    this.poolSize = database.poolSize ?? 10;
    this.schema = database.schema ?? DEFAULT_SCHEMA;
    this.gatePoolSize = database.gatePoolSize ?? 4;
    this.pushConnection = pushConnectionOf(database, this.connection);
    this.authSecrets = [authSecret, ...rest.previousAuthSecrets];
    this.maxTokenAgeSeconds = rest.maxTokenAgeSeconds;
    this.trustedProxies = rest.trustedProxies.map(IpNetwork.parse).filter((network) => network !== undefined);
    this.usageFlushIntervalMs = rest.usageFlushIntervalMs;
    this.revocationBoundMs = rest.revocationBoundMs;
    this.cacheEntries = rest.cacheEntries;
    this.tokenRetentionSeconds = rest.tokenRetentionSeconds;
    this.maintenance = rest.maintenance;
    this.bootstrapEndpoint = rest.bootstrapEndpoint;
    this.hostPermissions = rest.permissions;
    this.migrate = migrate;
  }
}

function pushConnectionOf({ pushUrl }: DatabaseOptions, { pg }: Connection): Connection['pg'] | undefined {
  if (pushUrl === false) return undefined;
  return pushUrl === undefined ? pg : { connectionString: pushUrl };
}

const DEFAULTS = {
  previousAuthSecrets: [] as readonly string[],
  maxTokenAgeSeconds: 7_776_000,
  trustedProxies: [] as readonly string[],
  usageFlushIntervalMs: 1_000,
  revocationBoundMs: 1_000,
  cacheEntries: 20_000,
  tokenRetentionSeconds: 2_592_000,
  maintenance: true,
  bootstrapEndpoint: false,
  permissions: {} as HostPermissions,
  migrate: 'on-start' as const,
};

/** An option given as undefined is one not given. */
function defined(options: LatchkeyOptions): LatchkeyOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as LatchkeyOptions;
}

/** What shapes the module graph, and must therefore be known before any factory runs. */
export const SHAPING_OPTIONS = ['controllers', 'mountPath', 'authMethods'] as const;

const secret: OptionRule = (name, value) => {
  const fault = faultOfSecret(value);
  return fault === undefined ? [] : [`${name} ${fault}`];
};

const RULES: OptionRules<LatchkeyOptions> = {
  database: needed((_, value) => faultsOfDatabase(value)),
  maxTokenAgeSeconds: whole(0, 3_153_600_000),
  usageFlushIntervalMs: whole(10, 60_000),
  revocationBoundMs: whole(100, 60_000),
  cacheEntries: whole(1, 10_000_000),
  tokenRetentionSeconds: whole(0, 315_360_000),
  maintenance: flag(),
  bootstrapEndpoint: flag(),
  migrate: must("be 'on-start' or 'never'", (value) => value === 'on-start' || value === 'never'),
  permissions: (_, value) => faultsOfPermissions(value),
  authSecret: needed(secret),
  previousAuthSecrets: listOf(secret),
  trustedProxies: listOf(
    must('be an IP address or a CIDR block', (text) => typeof text === 'string' && IpNetwork.parse(text) !== undefined),
  ),
};

function faultsOfOptions(options: unknown): string[] {
  if (!isObject(options)) return ['the options must be an object with database and authSecret'];
  const misplaced = SHAPING_OPTIONS.filter((name) => name in options);
  if (misplaced.length > 0)
    return misplaced.map((name) => `${name} must stand beside useFactory, useClass or useExisting, not come from it`);
  return faultsOf(RULES, options);
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
