import 'reflect-metadata';
import { isIP } from 'node:net';
import { plainToInstance, Transform } from 'class-transformer';
import { IsIn, IsOptional, IsString, ValidateBy, validateSync } from 'class-validator';
import { isWholeWithin } from '../common/option-rules';
import { IpNetwork } from '../common/net/ip-network';
import { faultsOfUrl } from '../database/database-options';
import { faultOfSecret } from '../latchkey.options';
import { faultsOfPgVariables, forgetPgVariables, pgVariablesOfAnother } from './pg-variables';
import { StartError } from './start-error';
import { variablesOf } from './variables';

const LOG_LEVELS = ['error', 'warn', 'log', 'debug', 'verbose'] as const;

/** Digits become a number; anything else is left for the rules to refuse. */
const Numeric = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value,
  );

/** Digits, within a range; the one message says all of it. */
function Whole(name: string, least: number, most: number, unit = ''): PropertyDecorator {
  const isWhole = (value: unknown) => isWholeWithin(value, least, most);
  const rules = [
    Numeric(),
    Is(isWhole, `${name} must be a whole number${unit && ` of ${unit}`} from ${least} to ${most}`),
  ];
  return (target, property) => rules.forEach((rule) => rule(target, property));
}

function Is(validate: (value: unknown) => boolean, message: string): PropertyDecorator {
  return ValidateBy({ name: message, validator: { validate, defaultMessage: () => message } });
}

const List = (): PropertyDecorator => Transform(({ value }: { value: string }) => itemsOf(value));

function itemsOf(text: string): string[] {
  return text.split(',').flatMap((item) => item.trim() || []);
}

/** A JSON list, in which a secret may have commas and spaces; else items between commas. What is neither is left to the rule. */
const Secrets = (): PropertyDecorator =>
  Transform(({ value }: { value: string }): unknown => {
    if (!value.startsWith('[')) return itemsOf(value);
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  });

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** An address as `listen` takes it: one of version 6 without its brackets. */
const Host = (): PropertyDecorator =>
  Transform(({ value }: { value: string }) => /^\[(.*)\]$/.exec(value)?.[1] ?? value);

function isHost(value: unknown): boolean {
  return typeof value === 'string' && (isIP(value) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i.test(value));
}

/** As a browser says it: no path, no default port, in lower case. */
function isOrigin(text: string): boolean {
  if (text === '*') return true;
  return (
    !text.includes('*') &&
    URL.canParse(text) &&
    /^https?:$/.test(new URL(text).protocol) &&
    new URL(text).origin === text
  );
}

function isPublicUrl(text: unknown): boolean {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username + password === '' && !/[?#]/.test(text);
}

/** The settings of the stand-alone server, from environment variables. */
export class Environment {
  @Host()
  @Is(isHost, 'HOST must be an address or a name of this machine, without scheme, path or port: that is in PORT')
  readonly HOST: string = '127.0.0.1';

  @Whole('PORT', 0, 65_535)
  readonly PORT: number = 8080;

  @IsOptional()
  @IsString()
  readonly DATABASE_URL?: string;

  @IsString()
  readonly LATCHKEY_DATA_DIR: string = '.latchkey';

  @IsOptional()
  @IsString()
  readonly LATCHKEY_AUTH_SECRET?: string;

  @Secrets()
  @Is(isTexts, 'LATCHKEY_PREVIOUS_AUTH_SECRETS must be secrets separated by commas, or a JSON list of texts')
  readonly LATCHKEY_PREVIOUS_AUTH_SECRETS: string[] = [];

  @List()
  readonly LATCHKEY_TRUSTED_PROXIES: string[] = [];

  @Whole('LATCHKEY_MAX_TOKEN_AGE', 0, 3_153_600_000, 'seconds')
  readonly LATCHKEY_MAX_TOKEN_AGE: number = 7_776_000;

  @Whole('LATCHKEY_REVOCATION_BOUND_MS', 100, 60_000, 'milliseconds')
  readonly LATCHKEY_REVOCATION_BOUND_MS: number = 1_000;

  @IsOptional()
  @IsString()
  readonly LATCHKEY_PUSH_URL?: string;

  @Whole('LATCHKEY_CACHE_ENTRIES', 1, 10_000_000)
  readonly LATCHKEY_CACHE_ENTRIES: number = 20_000;

  @Whole('LATCHKEY_POOL_SIZE', 1, 1_000)
  readonly LATCHKEY_POOL_SIZE: number = 10;

  @Whole('LATCHKEY_USAGE_FLUSH_INTERVAL_MS', 10, 60_000, 'milliseconds')
  readonly LATCHKEY_USAGE_FLUSH_INTERVAL_MS: number = 1_000;

  @Whole('LATCHKEY_SHUTDOWN_TIMEOUT_MS', 1_000, 600_000, 'milliseconds')
  readonly LATCHKEY_SHUTDOWN_TIMEOUT_MS: number = 10_000;

  @List()
  @Is(
    (origins) => isTexts(origins) && origins.every(isOrigin) && (origins.length < 2 || !origins.includes('*')),
    'LATCHKEY_CORS_ORIGINS must be origins such as https://console.example, separated by commas, or * alone for all',
  )
  readonly LATCHKEY_CORS_ORIGINS: string[] = [];

  @IsOptional()
  @Is(
    isPublicUrl,
    'LATCHKEY_PUBLIC_URL must be a URL such as https://example.test/latchkey, without user, query or fragment',
  )
  readonly LATCHKEY_PUBLIC_URL?: string;

  @Whole('LATCHKEY_DRAIN_MS', 0, 600_000, 'milliseconds')
  readonly LATCHKEY_DRAIN_MS: number = 5_000;

  @IsIn(['true', 'false'])
  readonly LATCHKEY_BOOTSTRAP_ENDPOINT: 'true' | 'false' = 'true';

  @IsIn(LOG_LEVELS)
  readonly LATCHKEY_LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'log';

  @IsOptional()
  @IsString()
  readonly LATCHKEY_PG_USER?: string;
}

/** Whether one of our own scripts runs this process. What else npm runs may start a server that is to outlive it. */
export function isRunByNpm({ npm_package_name: name, npm_lifecycle_event: script }: NodeJS.ProcessEnv = process.env) {
  return name === 'latchkey' && ['start', 'start:dev'].includes(script ?? '');
}

/** @throws StartError that names every variable at fault, and never a value. */
export function readEnvironment(source: NodeJS.ProcessEnv = process.env): Environment {
  const { given, faults: misread } = variablesOf(source, Object.keys(new Environment()));
  const environment = plainToInstance(Environment, given, { exposeDefaultValues: true });
  const faults = [
    ...misread,
    ...validateSync(environment).flatMap((error) => Object.values(error.constraints ?? {})),
    ...faultsOfDatabase(environment, source),
    ...faultsOfSecrets(environment, given),
    ...faultsOfProxies(environment),
  ];
  if (faults.length > 0) throw new StartError(`Latchkey cannot start:\n  ${faults.join('\n  ')}`);
  return withUntrimmedSecret(environment, source);
}

/** What is set and has no effect, for the log: nothing that could be taken for another thing than was meant. */
export function remarksOn(
  { DATABASE_URL: url }: Environment,
  source: NodeJS.ProcessEnv = process.env,
): readonly string[] {
  if (url === undefined)
    return pgVariablesOfAnother(source).map(
      (name) => `${name} has no effect without DATABASE_URL: Latchkey runs a database of its own`,
    );
  return ['LATCHKEY_DATA_DIR', 'LATCHKEY_PG_USER']
    .filter((name) => source[name])
    .map((name) => `${name} has no effect with DATABASE_URL`);
}

/** On a database of our own: what the PG variables say is about another one. */
export function forgetOtherDatabases(): void {
  forgetPgVariables(process.env);
}

function faultsOfDatabase(
  { DATABASE_URL: url, LATCHKEY_PUSH_URL: push, LATCHKEY_AUTH_SECRET: secret }: Environment,
  source: NodeJS.ProcessEnv,
): string[] {
  const faults = url === undefined ? [] : [...faultsOfUrl('DATABASE_URL', url), ...faultsOfPgVariables(source)];
  if (url !== undefined && secret === undefined)
    faults.push('LATCHKEY_AUTH_SECRET must be set with DATABASE_URL: make one with `openssl rand -base64 48`');
  if (push === undefined || push === 'off') return faults;
  if (url === undefined) faults.push('LATCHKEY_PUSH_URL must be left out without DATABASE_URL, or be off');
  return [...faults, ...faultsOfUrl('LATCHKEY_PUSH_URL', push, ', or off')];
}

function faultsOfSecrets(
  { LATCHKEY_AUTH_SECRET: current, LATCHKEY_PREVIOUS_AUTH_SECRETS: previous }: Environment,
  { LATCHKEY_PREVIOUS_AUTH_SECRETS: written = '' }: Readonly<Record<string, string>>,
): string[] {
  const isSplit = !written.startsWith('[') && /[\r\n]/.test(written);
  const faults = [
    ...(current === undefined ? [] : [['LATCHKEY_AUTH_SECRET', faultOfSecret(current) ?? faultOfLines(current)]]),
    ...(isTexts(previous) ? previous : []).map((secret) => ['LATCHKEY_PREVIOUS_AUTH_SECRETS', faultOfSecret(secret)]),
    ['LATCHKEY_PREVIOUS_AUTH_SECRETS', isSplit ? 'must be on one line, or a JSON list' : undefined],
  ];
  return faults.filter(([, fault]) => fault !== undefined).map(([name, fault]) => `${name} ${fault}`);
}

/** Several secrets, most likely, of which only all together would be one. */
function faultOfLines(secret: string): string | undefined {
  return /[\r\n]/.test(secret) ? 'must be on one line' : undefined;
}

/** What an earlier version, which did not trim it, signed with still verifies. */
function withUntrimmedSecret(environment: Environment, { LATCHKEY_AUTH_SECRET: untrimmed }: NodeJS.ProcessEnv) {
  if (!untrimmed || untrimmed === environment.LATCHKEY_AUTH_SECRET) return environment;
  const LATCHKEY_PREVIOUS_AUTH_SECRETS = [...environment.LATCHKEY_PREVIOUS_AUTH_SECRETS, untrimmed];
  return Object.assign(environment, { LATCHKEY_PREVIOUS_AUTH_SECRETS });
}

function faultsOfProxies({ LATCHKEY_TRUSTED_PROXIES: proxies }: Environment): string[] {
  const isGood = proxies.every((proxy) => IpNetwork.parse(proxy) !== undefined);
  return isGood ? [] : ['LATCHKEY_TRUSTED_PROXIES must be IP addresses or CIDR blocks, separated by commas'];
}

/** The levels that are logged: the one asked for and everything graver. */
export function logLevels({ LATCHKEY_LOG_LEVEL }: Environment): (typeof LOG_LEVELS)[number][] {
  return LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(LATCHKEY_LOG_LEVEL) + 1);
}
