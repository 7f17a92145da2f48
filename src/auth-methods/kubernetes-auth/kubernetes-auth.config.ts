import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import type { MethodSettings } from '../auth-method';
import { ClaimPattern } from '../federation/claim-pattern';
import { entriesOf, normalList } from '../federation/claim-rules';
import { isText, issue as issueAt, issuesOfCertificates, issuesOfPatterns, laidOver } from '../federation/settings';
import type { UpdateKubernetesAuthDto } from './dto/kubernetes-auth.dtos';

/** The settings of Kubernetes Auth besides the policy of its tokens. */
export interface KubernetesAuthConfig {
  /** A host name, a host name with a port, or an https URL. */
  readonly kubernetesHost: string;
  /** Lists of patterns, separated by commas. Empty for any. */
  readonly allowedNamespaces: string;
  readonly allowedNames: string;
  /** One audience that the token must be for. Empty for that of the API server itself. */
  readonly allowedAudience: string;
  readonly verifyTlsCertificate: boolean;
}

export interface KubernetesAuthSecrets {
  readonly caCert: string;
  /** Empty where each token is its own reviewer. */
  readonly tokenReviewerJwt: string;
}

export type KubernetesAuthSettings = Required<MethodSettings<KubernetesAuthConfig, KubernetesAuthSecrets>>;

/** Where the API server is, without a slash at the end. */
export function apiServerOf({ kubernetesHost }: KubernetesAuthConfig): string {
  const url = kubernetesHost.includes('://') ? kubernetesHost : `https://${kubernetesHost}`;
  return url.replace(/\/+$/, '');
}

const EMPTY: KubernetesAuthSettings = {
  config: {
    ...{ kubernetesHost: '', allowedNamespaces: '', allowedNames: '', allowedAudience: '' },
    verifyTlsCertificate: true,
  },
  secrets: { caCert: '', tokenReviewerJwt: '' },
};

/** The settings with an input laid over them: null clears, absence keeps (decision 27). @throws ValidationFailureError */
export function mergeSettings(input: UpdateKubernetesAuthDto, stored?: MethodSettings): KubernetesAuthSettings {
  const present = stored ? readSettings(stored) : EMPTY;
  const next = { config: mergedConfig(input, present.config), secrets: mergedSecrets(input, present.secrets) };
  const issues = [...issuesOf(next), ...issuesOfGateway(input), ...issuesOfMove(input, present, next)];
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return next;
}

function mergedConfig(input: UpdateKubernetesAuthDto, present: KubernetesAuthConfig): KubernetesAuthConfig {
  const laid = laidOver(present, input, EMPTY.config);
  return {
    ...laid,
    allowedNamespaces: normalList(laid.allowedNamespaces),
    allowedNames: normalList(laid.allowedNames),
    // Certificates that are given are there to be checked against.
    verifyTlsCertificate: input.verifyTlsCertificate ?? (input.caCert ? true : present.verifyTlsCertificate),
  };
}

function mergedSecrets(input: UpdateKubernetesAuthDto, present: KubernetesAuthSecrets): KubernetesAuthSecrets {
  const laid = laidOver(present, input, EMPTY.secrets);
  // An empty text is what answers carry in its place: clients send it back.
  return input.tokenReviewerJwt === '' ? { ...laid, tokenReviewerJwt: present.tokenReviewerJwt } : laid;
}

/** Settings as the database has them. @throws UnreadableValueError where one is missing or of another kind. */
export function readSettings({ config, secrets = {} }: MethodSettings): KubernetesAuthSettings {
  const read = config as Partial<KubernetesAuthConfig>;
  const { caCert = '', tokenReviewerJwt = '' } = secrets as Partial<KubernetesAuthSecrets>;
  const { kubernetesHost, allowedNamespaces, allowedNames, allowedAudience } = read;
  const texts = [kubernetesHost, allowedNamespaces, allowedNames, allowedAudience, caCert, tokenReviewerJwt];
  if (!texts.every(isText) || typeof read.verifyTlsCertificate !== 'boolean') {
    throw new UnreadableValueError('settings of Kubernetes Auth');
  }
  return { config: read as KubernetesAuthConfig, secrets: { caCert, tokenReviewerJwt } };
}

const issue = (name: string, message: string) => issueAt([name], message);

function issuesOf({ config, secrets }: KubernetesAuthSettings): ValidationIssue[] {
  return [...issuesOfHost(config), ...issuesOfTrust(config, secrets), ...issuesOfLists(config)];
}

function issuesOfHost({ kubernetesHost }: KubernetesAuthConfig): ValidationIssue[] {
  if (kubernetesHost === '') {
    const required = 'When token review mode is set to API, a Kubernetes host must be provided';
    return [issue('kubernetesHost', required)];
  }
  const isHost = /^[A-Za-z0-9:./-]+$/.test(kubernetesHost);
  return isHost ? [] : [issue('kubernetesHost', 'Expected a host name, a host name with a port or an https URL')];
}

function issuesOfTrust(
  { verifyTlsCertificate }: KubernetesAuthConfig,
  { caCert, tokenReviewerJwt }: KubernetesAuthSecrets,
): ValidationIssue[] {
  const issues = issuesOfCertificates('caCert', caCert);
  if (caCert !== '' && !verifyTlsCertificate) {
    issues.push(issue('verifyTlsCertificate', 'Must not be false with certificates: clear caCert, or leave it true'));
  }
  // RFC 6750 section 2.1: anything else fits in no header.
  if (!/^[A-Za-z0-9._~+/-]*=*$/.test(tokenReviewerJwt)) issues.push(issue('tokenReviewerJwt', 'Expected a token'));
  return issues;
}

function issuesOfLists(config: KubernetesAuthConfig): ValidationIssue[] {
  const names = ['allowedNamespaces', 'allowedNames'] as const;
  const issues = issuesOfPatterns(names.map((name) => [[name], entriesOf(config[name])]));
  if (names.some((name) => isBinding(config[name]))) return issues;
  const unbound = 'Name namespaces or service accounts: else every service account of the cluster logs in';
  return [...issues, issue('allowedNamespaces', unbound)];
}

/** Decision 28. */
function isBinding(list: string): boolean {
  const entries = entriesOf(list);
  return entries.length > 0 && !entries.some((entry) => ClaimPattern.parse(entry)?.isEverything);
}

function issuesOfGateway({ tokenReviewMode, gatewayId, gatewayPoolId }: UpdateKubernetesAuthDto): ValidationIssue[] {
  const none = 'Latchkey has no gateways: leave it out, and the API server of the cluster reviews the tokens';
  return [
    ...(tokenReviewMode === 'gateway' ? [issue('tokenReviewMode', none)] : []),
    ...(gatewayId ? [issue('gatewayId', none)] : []),
    ...(gatewayPoolId ? [issue('gatewayPoolId', none)] : []),
  ];
}

/** A stored reviewer token cannot be read, nor can a change have it sent to another server. */
function issuesOfMove(
  { tokenReviewerJwt }: UpdateKubernetesAuthDto,
  { config, secrets }: KubernetesAuthSettings,
  next: KubernetesAuthSettings,
): ValidationIssue[] {
  const isMoved =
    next.config.kubernetesHost !== config.kubernetesHost ||
    next.config.verifyTlsCertificate !== config.verifyTlsCertificate ||
    next.secrets.caCert !== secrets.caCert;
  const isKept = secrets.tokenReviewerJwt !== '' && (tokenReviewerJwt === undefined || tokenReviewerJwt === '');
  if (!isMoved || !isKept) return [];
  const again = 'Give the token again, or null: the server that it is sent to, or how that is trusted, changes';
  return [issue('tokenReviewerJwt', again)];
}
