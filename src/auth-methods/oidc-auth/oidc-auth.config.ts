import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import type { MethodSettings } from '../auth-method';
import type { ClaimRules } from '../federation/claim-rules';
import {
  areTexts,
  issue,
  issuesOfCertificates,
  issuesOfRules,
  isText,
  laidOver,
  normalRules,
} from '../federation/settings';
import type { UpdateOidcAuthDto } from './dto/oidc-auth.dtos';

/** The settings of OIDC Auth besides the policy of its tokens. */
export interface OidcAuthConfig extends ClaimRules {
  readonly oidcDiscoveryUrl: string;
  /** The paths of the claims that go into access tokens, by the name they have there; null for none. */
  readonly claimMetadataMapping: Readonly<Record<string, string>> | null;
}

export interface OidcAuthSecrets {
  /** The certificates that the servers of the issuer are trusted by, in PEM; empty for those of the system. */
  readonly caCert: string;
}

export type OidcAuthSettings = Required<MethodSettings<OidcAuthConfig, OidcAuthSecrets>>;

const EMPTY: OidcAuthSettings = {
  config: {
    oidcDiscoveryUrl: '',
    boundIssuer: '',
    boundSubject: '',
    boundAudiences: '',
    boundClaims: {},
    claimMetadataMapping: null,
  },
  secrets: { caCert: '' },
};

/** The settings with an input laid over them: null clears, absence keeps (decision 27). @throws ValidationFailureError */
export function mergeSettings(input: UpdateOidcAuthDto, stored?: MethodSettings): OidcAuthSettings {
  const { config, secrets } = stored ? readSettings(stored) : EMPTY;
  const merged: OidcAuthSettings = {
    config: normalRules(laidOver(config, input, EMPTY.config)),
    secrets: laidOver(secrets, input, EMPTY.secrets),
  };
  const issues = issuesOf(merged);
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return merged;
}

/** Settings as the database has them. @throws UnreadableValueError where one is missing or of another kind. */
export function readSettings({ config, secrets = {} }: MethodSettings): OidcAuthSettings {
  const { boundClaims, claimMetadataMapping, ...texts } = config as Partial<OidcAuthConfig>;
  const { caCert = '' } = secrets as Partial<OidcAuthSecrets>;
  const { oidcDiscoveryUrl, boundIssuer, boundSubject, boundAudiences } = texts;
  const isWhole =
    [oidcDiscoveryUrl, boundIssuer, boundSubject, boundAudiences, caCert].every(isText) &&
    (claimMetadataMapping === null || areTexts(claimMetadataMapping)) &&
    areTexts(boundClaims);
  if (!isWhole) throw new UnreadableValueError('settings of OIDC Auth');
  return { config: config as OidcAuthConfig, secrets: { caCert } };
}

function issuesOf({ config, secrets }: OidcAuthSettings): ValidationIssue[] {
  const unnamed = Object.entries(config.claimMetadataMapping ?? {}).filter(([, path]) => path === '');
  return [
    ...issuesOfDiscovery(config.oidcDiscoveryUrl),
    ...issuesOfCertificates('caCert', secrets.caCert),
    ...unnamed.map(([name]) => issue(['claimMetadataMapping', name], 'Expected the path of a claim')),
    ...issuesOfRules(config),
  ];
}

/** The rest of the URL is the same for all issuers, and is put behind it. */
function issuesOfDiscovery(url: string): ValidationIssue[] {
  const isBase = !/[?#]|\/\.well-known\/openid-configuration\/?$/.test(url);
  const message = 'Expected the URL before /.well-known/openid-configuration, without a query or fragment';
  return isBase ? [] : [issue(['oidcDiscoveryUrl'], message)];
}
