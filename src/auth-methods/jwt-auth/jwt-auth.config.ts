import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import type { MethodSettings } from '../auth-method';
import type { ClaimRules } from '../federation/claim-rules';
import { readPublicKey } from '../federation/key-set';
import {
  areTexts,
  issue,
  issuesOfCertificates,
  issuesOfRules,
  isText,
  laidOver,
  normalRules,
} from '../federation/settings';
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

/** The settings with an input laid over them: null clears, absence keeps (decision 27). @throws ValidationFailureError */
export function mergeSettings(input: UpdateJwtAuthDto, stored?: MethodSettings): JwtAuthSettings {
  const { config, secrets } = stored ? readSettings(stored) : EMPTY;
  const merged: JwtAuthSettings = {
    config: normalRules(laidOver(config, input, EMPTY.config)),
    secrets: laidOver(secrets, input, EMPTY.secrets),
  };
  const issues = [...issuesOfKeys(merged), ...issuesOfRules(merged.config)];
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return merged;
}

/** Settings as the database has them. @throws UnreadableValueError where one is missing or of another kind. */
export function readSettings({ config, secrets = {} }: MethodSettings): JwtAuthSettings {
  const { boundClaims, configurationType, ...texts } = config as Partial<JwtAuthConfig>;
  const { jwksCaCert = '', publicKeys = [] } = secrets as Partial<JwtAuthSecrets>;
  const { jwksUrl, boundIssuer, boundSubject, boundAudiences } = texts;
  const isWhole =
    [jwksUrl, boundIssuer, boundSubject, boundAudiences, jwksCaCert, ...publicKeys].every(isText) &&
    ['jwks', 'static'].includes(configurationType as string) &&
    areTexts(boundClaims);
  if (!isWhole) throw new UnreadableValueError('settings of JWT Auth');
  return { config: config as JwtAuthConfig, secrets: { jwksCaCert, publicKeys } };
}

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
  return [...issues, ...issuesOfCertificates('jwksCaCert', jwksCaCert)];
}
