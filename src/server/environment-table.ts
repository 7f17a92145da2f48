import { isIP } from 'node:net';
import { must, type OptionRule, whole, type WholeRule } from '../common/option-rules';
import { type RequestLimits, rateLimits } from '../access-tokens/issuing/request-limit-options';
import { DATABASE_TUNING, type DatabaseTuning } from '../database/database-options';
import { type LatchkeyOptions, OPTIONS } from '../latchkey.options';

export const LOG_LEVELS = ['error', 'warn', 'log', 'debug', 'verbose'] as const;

/** The option of `LatchkeyModule` that a variable sets. */
type OptionName = keyof LatchkeyOptions | `database.${keyof DatabaseTuning}` | `requestLimits.${keyof RequestLimits}`;

/** One environment variable: its default, how its text is read, and what the value must then be. */
export interface Variable<Value = unknown> {
  readonly default: Value;
  /** Makes a value of the text. A text that is not understood is left for the rule to refuse. Without it the value is the text. */
  readonly read?: (text: string) => unknown;
  readonly rule?: OptionRule;
  readonly option?: OptionName;
  /** Whether `<name>_FILE` may name a file that holds it: a secret or an address with one, or secrets on a line each. */
  readonly file?: 'text' | 'lines';
  /** Whether spaces around it are kept: they mean something in a path, and the rule of a number refuses them. */
  readonly isVerbatim?: true;
}

/** A variable that may be left out, and whose value is its text. */
function text(more: Partial<Variable<string>> = {}): Variable<string | undefined> {
  return { default: undefined, ...more };
}

/** Digits, within a range. The one sentence says all of it. */
function numeric(byDefault: number, rule: OptionRule): Variable<number> {
  return { default: byDefault, read: numberIn, rule, isVerbatim: true };
}

function numberIn(value: string): unknown {
  return /^\d+$/.test(value) ? Number(value) : value;
}

/** A number that sets an option, with the default and the range of that option. */
function numericOption(
  option: OptionName,
  { default: byDefault, rule }: { default: number; rule: WholeRule },
  unit = '',
): Variable<number> {
  return { ...numeric(byDefault, whole(rule.min, rule.max, unit)), option };
}

/** Limits as `60/60,1000/3600`: requests, and seconds. */
function limitsIn(value: string): unknown {
  const limits = itemsOf(value).map((item) => /^(\d{1,10})\/(\d{1,5})$/.exec(item));
  if (limits.includes(null)) return value;
  return limits.map((found) => ({ limit: Number(found![1]), perSeconds: Number(found![2]) }));
}

function limitsOption(name: keyof RequestLimits): Variable<RequestLimits[typeof name]> {
  const sentence =
    'be requests/seconds, such as 60/60, or up to five of them for different periods of at most a day: 60/60,1000/3600';
  const rule = must(sentence, (value) => rateLimits('', value).length === 0);
  return { default: undefined, read: limitsIn, rule, option: `requestLimits.${name}` };
}

function oneOf(values: readonly unknown[]): OptionRule {
  return must(`be one of the following values: ${values.join(', ')}`, (value) => values.includes(value));
}

function logLevel(byDefault: (typeof LOG_LEVELS)[number]): Variable<typeof byDefault> {
  return { default: byDefault, rule: oneOf(LOG_LEVELS) };
}

function awsReplay(byDefault: 'refuse' | 'allow'): Variable<typeof byDefault> {
  return { default: byDefault, rule: oneOf(['refuse', 'allow']), option: 'awsReplay' };
}

function itemsOf(list: string): string[] {
  return list.split(',').flatMap((item) => item.trim() || []);
}

/** A JSON list, in which a secret may have commas and spaces; else items between commas. */
function secretsIn(list: string): unknown {
  if (!list.startsWith('[')) return itemsOf(list);
  try {
    return JSON.parse(list);
  } catch {
    return list;
  }
}

export function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** An address as `listen` takes it: an IPv6 address without its brackets. */
function hostIn(value: string): string {
  return /^\[(.*)\]$/.exec(value)?.[1] ?? value;
}

function isHost(value: unknown): boolean {
  return typeof value === 'string' && (isIP(value) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i.test(value));
}

function isOrigins(value: unknown): boolean {
  return isTexts(value) && value.every(isOrigin) && (value.length < 2 || !value.includes('*'));
}

/** The spelling of browsers: no path, no default port, in lower case. */
function isOrigin(value: string): boolean {
  if (value === '*') return true;
  if (value.includes('*') || !URL.canParse(value)) return false;
  const { protocol, origin } = new URL(value);
  return /^https?:$/.test(protocol) && origin === value;
}

function isPublicUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username + password === '' && !/[?#]/.test(value);
}

/** Every variable of the stand-alone server. A new one has an entry here and a row in the table of the README. */
export const ENVIRONMENT = {
  HOST: {
    default: '127.0.0.1',
    read: hostIn,
    rule: must('be an address or a name of this machine, without scheme, path or port: that is in PORT', isHost),
  },
  PORT: numeric(8080, whole(0, 65_535)),
  DATABASE_URL: text({ file: 'text' }),
  LATCHKEY_PUSH_URL: {
    default: undefined as string | false | undefined,
    read: (value) => (value === 'off' ? false : value),
    file: 'text',
    option: 'database.pushUrl',
  },
  LATCHKEY_DATA_DIR: { default: '.latchkey', isVerbatim: true },
  LATCHKEY_AUTH_SECRET: text({ file: 'text' }),
  LATCHKEY_PREVIOUS_AUTH_SECRETS: {
    default: [] as string[],
    read: secretsIn,
    rule: must('be secrets separated by commas, or a JSON list of texts', isTexts),
    file: 'lines',
    option: 'previousAuthSecrets',
  },
  LATCHKEY_TRUSTED_PROXIES: { default: [] as string[], read: itemsOf, option: 'trustedProxies' },
  LATCHKEY_MAX_TOKEN_AGE: numericOption('maxTokenAgeSeconds', OPTIONS.maxTokenAgeSeconds, 'seconds'),
  LATCHKEY_REVOCATION_BOUND_MS: numericOption('revocationBoundMs', OPTIONS.revocationBoundMs, 'milliseconds'),
  LATCHKEY_CACHE_ENTRIES: numericOption('cacheEntries', OPTIONS.cacheEntries),
  LATCHKEY_AUDIT_RETENTION_DAYS: numericOption('auditRetentionDays', OPTIONS.auditRetentionDays, 'days'),
  LATCHKEY_AUDIT_FILE: text({ isVerbatim: true }),
  LATCHKEY_OUTBOUND_ALLOW: { default: [] as string[], read: itemsOf, option: 'outboundAllow' },
  LATCHKEY_OUTBOUND_TIMEOUT_MS: numericOption('outboundTimeoutMs', OPTIONS.outboundTimeoutMs, 'milliseconds'),
  LATCHKEY_KEY_SET_MAX_AGE_MS: numericOption('keySetMaxAgeMs', OPTIONS.keySetMaxAgeMs, 'milliseconds'),
  LATCHKEY_KEY_SET_COOLDOWN_MS: numericOption('keySetCooldownMs', OPTIONS.keySetCooldownMs, 'milliseconds'),
  AWS_ENDPOINT_URL_STS: text({ rule: OPTIONS.awsStsUrl.rule, option: 'awsStsUrl' }),
  LATCHKEY_AUTH_AWS_REPLAY: awsReplay('refuse'),
  LATCHKEY_AUTH_GCP_CERTS_URL: text({ rule: OPTIONS.gcpCertsUrl.rule, option: 'gcpCertsUrl' }),
  LATCHKEY_AUTH_GCP_SA_CERTS_URL: text({
    rule: OPTIONS.gcpServiceAccountCertsUrl.rule,
    option: 'gcpServiceAccountCertsUrl',
  }),
  LATCHKEY_AUTH_AZURE_AUTHORITY: text({ rule: OPTIONS.azureAuthority.rule, option: 'azureAuthority' }),
  LATCHKEY_POOL_SIZE: numericOption('database.poolSize', DATABASE_TUNING.poolSize),
  LATCHKEY_USAGE_FLUSH_INTERVAL_MS: numericOption('usageFlushIntervalMs', OPTIONS.usageFlushIntervalMs, 'milliseconds'),
  LATCHKEY_SHUTDOWN_TIMEOUT_MS: numeric(10_000, whole(1_000, 600_000, 'milliseconds')),
  LATCHKEY_CORS_ORIGINS: {
    default: [] as string[],
    read: itemsOf,
    rule: must('be origins such as https://console.example, separated by commas, or * alone for all', isOrigins),
  },
  LATCHKEY_PUBLIC_URL: text({
    rule: must('be a URL such as https://example.test/latchkey, without user, query or fragment', isPublicUrl),
  }),
  LATCHKEY_DRAIN_MS: numeric(5_000, whole(0, 600_000, 'milliseconds')),
  LATCHKEY_BOOTSTRAP_ENDPOINT: {
    default: true,
    read: (value) => (value === 'true' || value === 'false' ? value === 'true' : value),
    rule: oneOf([true, false]),
    option: 'bootstrapEndpoint',
  },
  LATCHKEY_LIMIT_PUBLIC_PER_ADDRESS: limitsOption('publicPerAddress'),
  LATCHKEY_LIMIT_LOGINS_PER_SUBJECT: limitsOption('loginsPerSubject'),
  LATCHKEY_LIMIT_MANAGEMENT_PER_CALLER: limitsOption('managementPerCaller'),
  LATCHKEY_METRICS_PORT: {
    default: undefined as number | undefined,
    read: numberIn,
    rule: whole(0, 65_535),
    isVerbatim: true,
  },
  LATCHKEY_METRICS_HOST: {
    default: '127.0.0.1',
    read: hostIn,
    rule: must('be an address or a name of this machine, without scheme, path or port', isHost),
  },
  LATCHKEY_CONSOLE: {
    default: true,
    read: (value) => (value === 'true' || value === 'false' ? value === 'true' : value),
    rule: oneOf([true, false]),
  },
  LATCHKEY_LOG_LEVEL: logLevel('log'),
  LATCHKEY_PG_USER: text(),
} satisfies Record<string, Variable>;

/** The settings of the stand-alone server: the value of every variable. */
export type Environment = {
  readonly [Name in keyof typeof ENVIRONMENT]: (typeof ENVIRONMENT)[Name]['default'];
};

type OptionsInEnvironment = Partial<Omit<LatchkeyOptions, 'database'>> & { readonly database: DatabaseTuning };

/** The options of `LatchkeyModule` that the environment sets. */
export function optionsIn(environment: Environment): OptionsInEnvironment {
  const options: Record<string, unknown> = {};
  const nested = { database: {}, requestLimits: {} } satisfies OptionsInEnvironment;
  for (const [name, { option }] of Object.entries<Variable>(ENVIRONMENT)) {
    const value = environment[name as keyof Environment];
    const [place, inner] = option?.split('.') ?? [];
    if (inner !== undefined) Object.assign(nested[place as keyof typeof nested], { [inner]: value });
    else if (place !== undefined) options[place] = value;
  }
  return { ...options, ...nested };
}
