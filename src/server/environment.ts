import 'reflect-metadata';
import { plainToInstance, Transform } from 'class-transformer';
import { IsIn, IsOptional, IsString, ValidateBy, validateSync } from 'class-validator';
import { isWholeWithin } from '../common/option-rules';
import { IpNetwork } from '../common/net/ip-network';
import { A_DATABASE_URL, isDatabaseUrl } from '../database/database-options';
import { faultOfSecret } from '../latchkey.options';
import { StartError } from './start-error';

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

const List = (): PropertyDecorator =>
  Transform(({ value }: { value: string }) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

/** The settings of the stand-alone server, from environment variables. */
export class Environment {
  @IsString()
  readonly HOST: string = '127.0.0.1';

  @Whole('PORT', 0, 65_535)
  readonly PORT: number = 8080;

  @IsOptional()
  @Is(isDatabaseUrl, `DATABASE_URL must be ${A_DATABASE_URL}`)
  readonly DATABASE_URL?: string;

  @IsString()
  readonly LATCHKEY_DATA_DIR: string = '.latchkey';

  @IsOptional()
  @IsString()
  readonly LATCHKEY_AUTH_SECRET?: string;

  @List()
  readonly LATCHKEY_PREVIOUS_AUTH_SECRETS: string[] = [];

  @List()
  readonly LATCHKEY_TRUSTED_PROXIES: string[] = [];

  @Whole('LATCHKEY_MAX_TOKEN_AGE', 0, 3_153_600_000, 'seconds')
  readonly LATCHKEY_MAX_TOKEN_AGE: number = 7_776_000;

  @Whole('LATCHKEY_REVOCATION_BOUND_MS', 100, 60_000, 'milliseconds')
  readonly LATCHKEY_REVOCATION_BOUND_MS: number = 1_000;

  @IsOptional()
  @Is((text) => text === 'off' || isDatabaseUrl(text), `LATCHKEY_PUSH_URL must be ${A_DATABASE_URL}, or off`)
  readonly LATCHKEY_PUSH_URL?: string;

  @Whole('LATCHKEY_CACHE_ENTRIES', 1, 10_000_000)
  readonly LATCHKEY_CACHE_ENTRIES: number = 20_000;

  @Whole('LATCHKEY_POOL_SIZE', 1, 1_000)
  readonly LATCHKEY_POOL_SIZE: number = 10;

  @Whole('LATCHKEY_USAGE_FLUSH_INTERVAL_MS', 10, 60_000, 'milliseconds')
  readonly LATCHKEY_USAGE_FLUSH_INTERVAL_MS: number = 1_000;

  @Whole('LATCHKEY_SHUTDOWN_TIMEOUT_MS', 1_000, 600_000, 'milliseconds')
  readonly LATCHKEY_SHUTDOWN_TIMEOUT_MS: number = 10_000;

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
  return name === 'latchkey' && ['start', 'start:dev', 'bootstrap'].includes(script ?? '');
}

/** @throws StartError that names every variable at fault, and never a value. */
export function readEnvironment(source: NodeJS.ProcessEnv = process.env): Environment {
  // Set but empty means not set, as in most shells and compose files.
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value !== ''));
  const environment = plainToInstance(Environment, given, { exposeDefaultValues: true });
  const faults = validateSync(environment).flatMap((error) => Object.values(error.constraints ?? {}));
  if (environment.DATABASE_URL !== undefined && environment.LATCHKEY_AUTH_SECRET === undefined) {
    faults.push('LATCHKEY_AUTH_SECRET must be set with DATABASE_URL: make one with `openssl rand -base64 48`');
  }
  faults.push(...faultsOfSecrets(environment), ...faultsOfProxies(environment));
  if (faults.length > 0) throw new StartError(`Latchkey cannot start:\n  ${faults.join('\n  ')}`);
  return environment;
}

function faultsOfSecrets({
  LATCHKEY_AUTH_SECRET: current,
  LATCHKEY_PREVIOUS_AUTH_SECRETS: previous,
}: Environment): string[] {
  const faults = [
    ...(current === undefined ? [] : [['LATCHKEY_AUTH_SECRET', faultOfSecret(current)]]),
    ...previous.map((secret) => ['LATCHKEY_PREVIOUS_AUTH_SECRETS', faultOfSecret(secret)]),
  ];
  return faults.filter(([, fault]) => fault !== undefined).map(([name, fault]) => `${name} ${fault}`);
}

function faultsOfProxies({ LATCHKEY_TRUSTED_PROXIES: proxies }: Environment): string[] {
  const isGood = proxies.every((proxy) => IpNetwork.parse(proxy) !== undefined);
  return isGood ? [] : ['LATCHKEY_TRUSTED_PROXIES must be IP addresses or CIDR blocks, separated by commas'];
}

/** The levels that are logged: the one asked for and everything graver. */
export function logLevels({ LATCHKEY_LOG_LEVEL }: Environment): (typeof LOG_LEVELS)[number][] {
  return LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(LATCHKEY_LOG_LEVEL) + 1);
}
