import { IpNetwork } from './common/net/ip-network';
import { isServiceUrl } from './common/net/outbound-url';
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
import { faultsOfKeys, type KeyOptions, withKeyDefaults } from './access-tokens/issuing/key-options';
import { type RequestLimits, requestLimits } from './access-tokens/issuing/request-limit-options';
import type { LatchkeyExtras } from './latchkey.module';
import { type HostPermissions, isOwnPermission, isPermissionName } from './permissions/permission-catalogue';
import { isRole, ROLES } from './permissions/roles';

/** The options of Latchkey in an application. */
export interface LatchkeyOptions {
  /** The database: PostgreSQL 15 or later. */
  readonly database: DatabaseOptions;
  /** Signs access tokens (HS256): at least 32 bytes, random, stored outside the database. */
  readonly authSecret: string;
  /**
   * Earlier secrets, whose signatures still verify.
   *
   * @default []
   */
  readonly previousAuthSecrets?: readonly string[];
  /**
   * The longest lifetime of a signed token in seconds, 0 to 3153600000; 0 for no ceiling.
   *
   * @default 7776000 (90 days)
   */
  readonly maxTokenAgeSeconds?: number;
  /**
   * Addresses or CIDR blocks of proxies whose X-Forwarded-For Latchkey believes.
   *
   * @default []
   */
  readonly trustedProxies?: readonly string[];
  /**
   * A header that may hold the token itself, without `Bearer`, such as `x-api-key`. `Authorization: Bearer` is read too. A request
   * with two different tokens is refused with 400. Tokens in queries are never read.
   *
   * @default 'authorization'
   */
  readonly tokenHeader?: string;
  /**
   * How often the uses of tokens without a limit are written to the database, in milliseconds, 10 to 60000.
   * @default 1000
   */
  readonly usageFlushIntervalMs?: number;
  /**
   * The longest time for which another node can still accept a revoked token, in milliseconds, 100 to 60000. Each node reads
   * the changes four times in this time.
   *
   * @default 1000
   */
  readonly revocationBoundMs?: number;
  /**
   * How many tokens each node keeps in memory, about a kilobyte each; 1 to 10000000.
   *
   * @default 20000
   */
  readonly cacheEntries?: number;
  /**
   * How long ended tokens stay visible, in seconds after their expiry, 0 to 315360000.
   *
   * @default 2592000 (30 days)
   */
  readonly tokenRetentionSeconds?: number;
  /**
   * How long the audit log is kept, in days, 31 to 36500. It is removed by whole months.
   *
   * @default 365
   */
  readonly auditRetentionDays?: number;
  /**
   * Private and loopback networks that URLs in the configurations of auth methods may reach. Metadata services are never
   * reached.
   *
   * @default []
   */
  readonly outboundAllow?: readonly string[];
  /**
   * How long one request to such a URL may take, in milliseconds, 100 to 60000.
   *
   * @default 10000
   */
  readonly outboundTimeoutMs?: number;
  /**
   * How long the keys of token issuers are kept, in milliseconds, 100 to 86400000. A key that its issuer removes works no
   * longer than that.
   *
   * @default 600000
   */
  readonly keySetMaxAgeMs?: number;
  /**
   * The least time for which a key set is kept, and between two fetches because of an unknown key, in milliseconds, 100 to
   * 3600000. A failed fetch is remembered for at most the same time.
   *
   * @default 30000
   */
  readonly keySetCooldownMs?: number;
  /**
   * Where AWS Auth asks who has signed a request: an http or https URL without a path, also in a private network. Without it,
   * the STS of AWS for which the request is signed is asked.
   */
  readonly awsStsUrl?: string;
  /**
   * Where GCP Auth gets the certificates of Google, by key id in PEM: an http or https URL, also in a private network. Without it,
   * they come from www.googleapis.com.
   */
  readonly gcpCertsUrl?: string;
  /**
   * Where GCP Auth gets the certificates of a service account, before a slash and its e-mail address: an http or https URL, also in
   * a private network. Without it, they come from www.googleapis.com.
   */
  readonly gcpServiceAccountCertsUrl?: string;
  /**
   * Where Azure Auth gets the keys of a tenant, before `/<tenant>/discovery/keys`: an http or https URL, also in a private network.
   * Without it, they come from login.microsoftonline.com. The issuer of the tokens stays the same.
   */
  readonly azureAuthority?: string;
  /**
   * Whether a signed request is good for one login of AWS Auth (`refuse` a replay), or for any number within five minutes
   * (`allow`).
   *
   * @default 'refuse'
   */
  readonly awsReplay?: 'refuse' | 'allow';
  /**
   * Whether this application removes old rows in the background.
   *
   * @default true
   */
  readonly maintenance?: boolean;
  /**
   * Whether `POST /api/v1/admin/bootstrap` exists. Every caller can use it to set up an installation that is not set up yet. A
   * host creates its organizations in its own code, with `MachineIdentities`.
   *
   * @default false
   */
  readonly bootstrapEndpoint?: boolean;
  /**
   * The host's own permissions, each with the roles that hold it: `{ 'reports:read': ['admin', 'member'] }`. Routes require one
   * with `@Authorized('reports:read')`.
   *
   * @default {}
   */
  readonly permissions?: HostPermissions;
  /**
   * Short keys, such as `acme_live_…`, beside JWTs. With it, `AccessTokens` issues short keys unless it is asked for a JWT; the
   * routes of the REST API issue JWTs.
   */
  readonly keys?: KeyOptions;
  /**
   * Rate limits of Latchkey's own routes, by address, by the subject of a login, and by caller. A request beyond them is 429. Each node
   * counts for itself, in memory.
   *
   * @default {} (no limits)
   */
  readonly requestLimits?: RequestLimits;
  /**
   * Whether the application brings the schema up to date when it starts. With `never`, it does not start while a migration is
   * missing.
   *
   * @default 'on-start'
   */
  readonly migrate?: 'on-start' | 'never';
}

/**
 * One or more options are invalid. The message names each, and never a value. Thrown by `forRoot`, or when the application
 * starts.
 */
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

const network: OptionRule = must(
  'be an IP address or a CIDR block',
  (text) => typeof text === 'string' && IpNetwork.parse(text) !== undefined,
);

const tokenHeader: OptionRule = must(
  'be the name of a header such as x-api-key, and not that of cookies',
  (name) => typeof name === 'string' && /^[a-z][a-z0-9-]*$/i.test(name) && !/^(set-)?cookie$/i.test(name),
);

/** The URL of a service of a cloud, which only the operator sets. */
const serviceUrl: OptionRule = must(
  'be a URL such as https://certificates.example/v1, http or https, without user, query or fragment',
  isServiceUrl,
);

/** The same, where its path is settled. */
const serviceOrigin: OptionRule = must(
  'be a URL such as https://sts.example, http or https, without path, user, query or fragment',
  (text) => isServiceUrl(text) && new URL(text).pathname === '/',
);

/** The options: the default and the rule of each. A new one has an entry here and its type above. */
export const OPTIONS = {
  database: { rule: (_, value) => faultsOfDatabase(value) },
  maxTokenAgeSeconds: { default: 7_776_000, rule: whole(0, 3_153_600_000) },
  usageFlushIntervalMs: { default: 1_000, rule: whole(10, 60_000) },
  revocationBoundMs: { default: 1_000, rule: whole(100, 60_000) },
  cacheEntries: { default: 20_000, rule: whole(1, 10_000_000) },
  tokenRetentionSeconds: { default: 2_592_000, rule: whole(0, 315_360_000) },
  auditRetentionDays: { default: 365, rule: whole(31, 36_500) },
  outboundAllow: { default: [], rule: listOf(network) },
  outboundTimeoutMs: { default: 10_000, rule: whole(100, 60_000) },
  keySetMaxAgeMs: { default: 600_000, rule: whole(100, 86_400_000) },
  keySetCooldownMs: { default: 30_000, rule: whole(100, 3_600_000) },
  awsStsUrl: { default: undefined, rule: serviceOrigin },
  gcpCertsUrl: { default: undefined, rule: serviceUrl },
  gcpServiceAccountCertsUrl: { default: undefined, rule: serviceUrl },
  azureAuthority: { default: undefined, rule: serviceUrl },
  awsReplay: {
    default: 'refuse',
    rule: must("be 'refuse' or 'allow'", (value) => value === 'refuse' || value === 'allow'),
  },
  maintenance: { default: true, rule: flag() },
  bootstrapEndpoint: { default: false, rule: flag() },
  migrate: {
    default: 'on-start',
    rule: must("be 'on-start' or 'never'", (value) => value === 'on-start' || value === 'never'),
  },
  keys: { default: undefined, rule: (_, value) => faultsOfKeys(value) },
  requestLimits: { default: {}, rule: requestLimits },
  permissions: { default: {}, rule: (_, value) => faultsOfPermissions(value) },
  authSecret: { rule: secret },
  previousAuthSecrets: { default: [], rule: listOf(secret) },
  trustedProxies: { default: [], rule: listOf(network) },
  tokenHeader: { default: 'authorization', rule: tokenHeader },
} satisfies OptionTable<LatchkeyOptions>;

/** The services of clouds, where the operator has set other addresses than theirs. */
export type CloudUrls = Pick<
  LatchkeyOptions,
  'awsStsUrl' | 'gcpCertsUrl' | 'gcpServiceAccountCertsUrl' | 'azureAuthority'
>;

/** Options that `LatchkeySettings` holds in another form than they were given in. */
type Transformed =
  | 'database'
  | 'authSecret'
  | 'previousAuthSecrets'
  | 'trustedProxies'
  | 'outboundAllow'
  | keyof CloudUrls
  | 'permissions'
  | 'keys'
  | 'tokenHeader';

const PlainSettings = class {
  constructor(settings: object) {
    Object.assign(this, settings);
  }
} as new (settings: Omit<Required<LatchkeyOptions>, Transformed>) => Omit<Required<LatchkeyOptions>, Transformed>;

/** The options with every default applied and every value checked. Injected where a setting is needed. */
export class LatchkeySettings extends PlainSettings {
  readonly connection: Connection;
  readonly poolSize: number;
  readonly schema: string;
  readonly gatePoolSize: number;
  /** Undefined if the node does not listen. */
  readonly pushConnection: Connection['pg'] | undefined;
  readonly authSecrets: readonly [string, ...string[]];
  readonly trustedProxies: readonly IpNetwork[];
  readonly outboundAllow: readonly IpNetwork[];
  readonly cloudUrls: CloudUrls;
  readonly hostPermissions: HostPermissions;
  /** In lower case, as Node names headers. */
  readonly tokenHeader: string;
  /** Undefined without short keys. */
  readonly keys: Required<KeyOptions> | undefined;

  /** @throws LatchkeyOptionsError that names every invalid option, and never a value. */
  constructor(options: LatchkeyOptions) {
    const faults = faultsOfOptions(options);
    if (faults.length > 0) throw new LatchkeyOptionsError(faults);
    const { database, authSecret, previousAuthSecrets, ...others } = withDefaults(OPTIONS, options);
    const { trustedProxies, outboundAllow, permissions, tokenHeader: header, keys, ...more } = others;
    const { awsStsUrl, gcpCertsUrl, gcpServiceAccountCertsUrl, azureAuthority, ...plain } = more;
    super(plain);
    const { poolSize, schema, gatePoolSize } = withDefaults<DatabaseTuning>(DATABASE_TUNING, database);
    this.connection = connectionOf(database);
    this.poolSize = poolSize;
    this.schema = schema;
    this.gatePoolSize = gatePoolSize;
    this.pushConnection = pushConnectionOf(database, this.connection);
    this.authSecrets = [authSecret, ...previousAuthSecrets];
    this.trustedProxies = networksOf(trustedProxies);
    this.outboundAllow = networksOf(outboundAllow);
    this.cloudUrls = { awsStsUrl, gcpCertsUrl, gcpServiceAccountCertsUrl, azureAuthority };
    this.hostPermissions = permissions;
    this.tokenHeader = header.toLowerCase();
    this.keys = options.keys && withKeyDefaults(keys);
  }
}

function networksOf(texts: readonly string[]): IpNetwork[] {
  return texts.map(IpNetwork.parse).filter((parsed) => parsed !== undefined);
}

function pushConnectionOf({ pushUrl }: DatabaseOptions, { pg }: Connection): Connection['pg'] | undefined {
  if (pushUrl === false) return undefined;
  return pushUrl === undefined ? pg : { connectionString: pushUrl };
}

/** The options that shape the module graph. They must be known before any factory runs. */
const SHAPING_OPTIONS: Readonly<Record<keyof LatchkeyExtras, true>> = {
  controllers: true,
  mountPath: true,
  console: true,
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

/** The fault of a signing secret, as a sentence after its name; undefined for a valid one. */
export function faultOfSecret(text: unknown): string | undefined {
  if (text === undefined || text === '') return 'must be given: make one with `openssl rand -base64 48`';
  if (typeof text !== 'string') return 'must be a string';
  if (Buffer.byteLength(text) < 32) return 'must have at least 32 bytes';
  return isGuessable(text) ? 'must be random: make one with `openssl rand -base64 48`' : undefined;
}

/** Few different characters, one text repeated, a PEM key or the words of an example: made up or copied. */
function isGuessable(text: string): boolean {
  const isRepetitive = new Set(text).size < 10 || (text + text).indexOf(text, 1) < text.length;
  return isRepetitive || /change.?me|placeholder|your.?secret|example|-----BEGIN/i.test(text);
}
