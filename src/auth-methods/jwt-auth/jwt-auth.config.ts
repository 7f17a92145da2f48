import { X509Certificate } from 'node:crypto';
import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import type { MethodSettings } from '../auth-method';
import { type ClaimRules, entriesOf, faultOfPattern, isBinding, normalList } from '../federation/claim-rules';
import { readPublicKey } from '../federation/key-set';
import type { UpdateJwtAuthDto } from './dto/jwt-auth.dtos';

export type KeyOrigin = 'jwks' | 'static';

/** The settings of JWT Auth besides the policy of its tokens. */
export interface JwtAuthConfig extends ClaimRules {
  readonly configurationType: KeyOrigin;
  readonly jwksUrl: string;
}

export interface JwtAuthSecrets {
  readonly jwksCaCert: string;
  /** In PEM. */
  readonly publicKeys: readonly string[];
}

export type JwtAuthSettings = Required<MethodSettings<JwtAuthConfig, JwtAuthSecrets>>;

const EMPTY: JwtAuthSettings = {
  config: {
    configurationType: 'jwks',
    jwksUrl: '',
    boundIssuer: '',
    boundSubject: '',
    boundAudiences: '',
    boundClaims: {},
  },
  secrets: { jwksCaCert: '', publicKeys: [] },
};

/** The settings with an input laid over them. @throws ValidationFailureError */
export function mergeSettings(input: UpdateJwtAuthDto, present?: MethodSettings): JwtAuthSettings {
  const { config, secrets } = present ? readSettings(present) : EMPTY;
  const laid = laidOver(config, input, EMPTY.config);
  const boundClaims = Object.entries(laid.boundClaims).map(([name, list]) => [name, normalList(list)] as const);
  const merged: JwtAuthSettings = {
    config: {
      ...laid,
      boundAudiences: normalList(laid.boundAudiences),
      boundClaims: Object.fromEntries(boundClaims),
    },
    secrets: laidOver(secrets, input, EMPTY.secrets),
  };
  const issues = [...issuesOfKeys(merged), ...issuesOfRules(merged.config)];
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return merged;
}

type Changes<Settings> = { readonly [Name in keyof Settings]?: Settings[Name] | null };

/** The present settings with the changes of an input. Null clears a setting (decision 27). */
function laidOver<Settings extends object>(present: Settings, input: Changes<Settings>, empty: Settings): Settings {
  const names = Object.keys(present) as (keyof Settings)[];
  return Object.fromEntries(
    names.map((name) => [name, input[name] === null ? empty[name] : (input[name] ?? present[name])]),
  ) as Settings;
}

/** Settings as the database has them. @throws UnreadableValueError where one is missing or of another kind. */
export function readSettings({ config, secrets = {} }: MethodSettings): JwtAuthSettings {
  const { boundClaims, configurationType, ...texts } = config as Partial<JwtAuthConfig>;
  const { jwksCaCert = '', publicKeys = [] } = secrets as Partial<JwtAuthSecrets>;
  const { jwksUrl, boundIssuer, boundSubject, boundAudiences } = texts;
  const isWhole =
    [jwksUrl, boundIssuer, boundSubject, boundAudiences, jwksCaCert, ...publicKeys].every(isString) &&
    ['jwks', 'static'].includes(configurationType as string) &&
    typeof boundClaims === 'object' &&
    Object.values(boundClaims).every(isString);
  if (!isWhole) throw new UnreadableValueError('settings of JWT Auth');
  return { config: config as JwtAuthConfig, secrets: { jwksCaCert, publicKeys } };
}

const isString = (value: unknown) => typeof value === 'string';

const issue = (path: ValidationIssue['path'], message: string): ValidationIssue => ({ code: 'custom', path, message });

function issuesOfKeys({ config, secrets }: JwtAuthSettings): ValidationIssue[] {
  const { configurationType, jwksUrl } = config;
  const { jwksCaCert, publicKeys } = secrets;
  const issues = publicKeys.flatMap((pem, index) =>
    readPublicKey(pem) ? [] : [issue(['publicKeys', index], 'Expected a public key in PEM: RSA, EC or Ed25519')],
  );
  if (configurationType === 'jwks' && jwksUrl === '') issues.push(issue(['jwksUrl'], 'Required with jwks'));
  if (configurationType === 'static' && publicKeys.length === 0) {
    issues.push(issue(['publicKeys'], 'At least one is required with static'));
  }
  if (jwksCaCert !== '' && !isCertificate(jwksCaCert))
    issues.push(issue(['jwksCaCert'], 'Expected certificates in PEM'));
  return issues;
}

function isCertificate(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.length > 0 && blocks.every((block) => new X509Certificate(block).ca);
  } catch {
    return false;
  }
}

function issuesOfRules(rules: ClaimRules): ValidationIssue[] {
  const { boundSubject, boundAudiences, boundClaims } = rules;
  const patterns: [ValidationIssue['path'], string[]][] = [
    [['boundSubject'], [boundSubject]],
    [['boundAudiences'], entriesOf(boundAudiences)],
    ...Object.entries(boundClaims).map(([name, list]): [[string, string], string[]] => [
      ['boundClaims', name],
      entriesOf(list),
    ]),
  ];
  const issues = patterns.flatMap(([path, entries]) =>
    entries.map(faultOfPattern).flatMap((fault) => (fault === undefined ? [] : [issue(path, fault)])),
  );
  if (isBinding(rules)) return issues;
  const unbound = 'Bind a subject, an audience or a claim: else every token of the issuer logs in';
  return [...issues, issue(['boundSubject'], unbound)];
}
