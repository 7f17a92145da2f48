import { IpNetwork } from '../common/net/ip-network';
import { faultsOfUrl } from '../database/database-options';
import { faultOfSecret } from '../latchkey.options';
import { ENVIRONMENT, type Environment, isTexts, LOG_LEVELS, type Variable } from './environment-table';
import { faultsOfPgVariables, removePgVariables, pgVariablesOfAnother } from './pg-variables';
import { StartError } from './start-error';
import { variablesOf } from './variables';

/** Whether one of Latchkey's own npm scripts runs this process. A server that other npm scripts start may have to outlive them. */
export function isRunByNpm({ npm_package_name: name, npm_lifecycle_event: script }: NodeJS.ProcessEnv = process.env) {
  return name === 'latchkey' && ['start', 'start:dev'].includes(script ?? '');
}

/** @throws StartError that names every invalid variable, and never a value. */
export function readEnvironment(source: NodeJS.ProcessEnv = process.env): Environment {
  const { given, faults: misread } = variablesOf(source, ENVIRONMENT);
  const environment = valuesOf(given);
  const faults = [
    ...misread,
    ...Object.entries<Variable>(ENVIRONMENT).flatMap(([name, { rule }]) => faultsOfValue(environment, name, rule)),
    ...faultsOfDatabase(environment, source),
    ...faultsOfSecrets(environment, given),
    ...faultsOfNetworks(environment),
    ...faultsOfMetrics(environment),
  ];
  if (faults.length > 0) throw new StartError(`Latchkey cannot start:\n  ${faults.join('\n  ')}`);
  return withUntrimmedSecret(environment, source);
}

/** The value of every variable: the given one, parsed, or the default. Nothing is checked yet. */
function valuesOf(given: Readonly<Record<string, string>>): Environment {
  const values = Object.entries<Variable>(ENVIRONMENT).map(([name, { default: byDefault, read }]) => {
    const text = given[name];
    return [name, text === undefined ? byDefault : read === undefined ? text : read(text)];
  });
  return Object.fromEntries(values) as Environment;
}

function faultsOfValue(environment: Environment, name: string, rule: Variable['rule']): string[] {
  const value = environment[name as keyof Environment];
  return value === undefined || rule === undefined ? [] : rule(name, value);
}

/** Notices for the log about variables that are set and have no effect. */
export function remarksOn(environment: Environment, source: NodeJS.ProcessEnv = process.env): readonly string[] {
  const { LATCHKEY_METRICS_PORT: port } = environment;
  const isIdle = port === undefined && source.LATCHKEY_METRICS_HOST;
  const onMetrics = isIdle ? ['LATCHKEY_METRICS_HOST has no effect without LATCHKEY_METRICS_PORT'] : [];
  return [...onMetrics, ...remarksOnDatabase(environment, source)];
}

function remarksOnDatabase({ DATABASE_URL: url }: Environment, source: NodeJS.ProcessEnv): string[] {
  if (url === undefined)
    return pgVariablesOfAnother(source).map(
      (name) => `${name} has no effect without DATABASE_URL: Latchkey runs a database of its own`,
    );
  return ['LATCHKEY_DATA_DIR', 'LATCHKEY_PG_USER']
    .filter((name) => source[name])
    .map((name) => `${name} has no effect with DATABASE_URL`);
}

/** Removes the `PG…` variables. Called when the built-in database is used, because they describe another database. */
export function removeOtherDatabases(): void {
  removePgVariables(process.env);
}

function faultsOfDatabase(
  { DATABASE_URL: url, LATCHKEY_PUSH_URL: push, LATCHKEY_AUTH_SECRET: secret }: Environment,
  source: NodeJS.ProcessEnv,
): string[] {
  const faults = url === undefined ? [] : [...faultsOfUrl('DATABASE_URL', url), ...faultsOfPgVariables(source)];
  if (url !== undefined && secret === undefined)
    faults.push('LATCHKEY_AUTH_SECRET must be set with DATABASE_URL: make one with `openssl rand -base64 48`');
  if (push === undefined || push === false) return faults;
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

/** A secret of several lines is probably a list of secrets, which would count as one. */
function faultOfLines(secret: string): string | undefined {
  return /[\r\n]/.test(secret) ? 'must be on one line' : undefined;
}

/** Accepts tokens that an earlier version signed with the untrimmed secret. */
function withUntrimmedSecret(
  environment: Environment,
  { LATCHKEY_AUTH_SECRET: untrimmed }: NodeJS.ProcessEnv,
): Environment {
  if (!untrimmed || untrimmed === environment.LATCHKEY_AUTH_SECRET) return environment;
  const LATCHKEY_PREVIOUS_AUTH_SECRETS = [...environment.LATCHKEY_PREVIOUS_AUTH_SECRETS, untrimmed];
  return { ...environment, LATCHKEY_PREVIOUS_AUTH_SECRETS };
}

function faultsOfNetworks(environment: Environment): string[] {
  const names = ['LATCHKEY_TRUSTED_PROXIES', 'LATCHKEY_OUTBOUND_ALLOW'] as const;
  return names
    .filter((name) => !environment[name].every((text) => IpNetwork.parse(text) !== undefined))
    .map((name) => `${name} must be IP addresses or CIDR blocks, separated by commas`);
}

/** Metrics are for the operator alone: never on the port of the API. */
function faultsOfMetrics({ PORT: port, LATCHKEY_METRICS_PORT: metricsPort }: Environment): string[] {
  return port !== 0 && metricsPort === port ? ['LATCHKEY_METRICS_PORT must be another port than PORT'] : [];
}

/** The levels that are logged: the configured one and all more severe ones. */
export function logLevels({ LATCHKEY_LOG_LEVEL }: Environment): (typeof LOG_LEVELS)[number][] {
  return LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(LATCHKEY_LOG_LEVEL) + 1);
}
