import { Injectable } from '@nestjs/common';
import { type OutboundAnswer, OutboundHttp } from '../../common/net/outbound-http';
import { OutboundError } from '../../common/net/outbound.errors';
import { SafeLogger } from '../../common/safe-logger';
import { AuthMethod, type ConfigurationChange, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { entriesOf, matchesOne } from '../federation/claim-rules';
import { partyOf } from '../federation/party';
import { requireAllowed } from '../federation/settings';
import type { KubernetesAuthLoginDto } from './dto/kubernetes-auth.dtos';
import {
  apiServerOf,
  type KubernetesAuthConfig,
  type KubernetesAuthSecrets,
  type KubernetesAuthSettings,
  readSettings,
} from './kubernetes-auth.config';
import { KUBERNETES_AUTH } from './kubernetes-auth.definition';
import { ApiServerUnavailableError, NotAllowedError, TokenNotAuthenticatedError } from './kubernetes-auth.errors';
import { accountIn, type ReviewedAccount, reviewOf } from './token-review';

type Attempt = IdentityLoginAttempt<KubernetesAuthLoginDto, KubernetesAuthConfig, KubernetesAuthSecrets>;
type Change = ConfigurationChange<KubernetesAuthConfig, KubernetesAuthSecrets>;

const TOKEN_REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
/** The longest review that is read. */
const MAX_BYTES = 65_536;
/** A signed JWT (RFC 7515 section 3.1), which every token of a service account is. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Believes the token of a service account that the API server of its cluster has reviewed, and that is allowed. */
@Injectable()
export class KubernetesAuth extends AuthMethod<Attempt> {
  private readonly logger = new SafeLogger(KubernetesAuth.name);

  constructor(private readonly http: OutboundHttp) {
    super();
  }

  /** The API server must be at a place that may be asked. It need not exist yet. */
  override async prepare({ next: { config } }: Change): Promise<void> {
    await requireAllowed(this.http, 'kubernetesHost', apiServerOf(config));
    if (!config.verifyTlsCertificate) this.logger.warn({ event: 'kubernetes_auth.tls_not_verified' });
  }

  /** @throws LoginError, ApiServerUnavailableError */
  async authenticate({ credentials: { jwt }, configuration }: Attempt): Promise<Proof> {
    if (!JWT.test(jwt)) throw new TokenNotAuthenticatedError();
    const settings = readSettings(configuration);
    const account = accountIn(await this.review(jwt, settings, partyOf(KUBERNETES_AUTH, configuration)));
    requireListed(account, settings.config);
    const { namespace, name } = account;
    return { configuration, identityAuth: { kubernetes: { namespace, name } } };
  }

  private async review(
    jwt: string,
    { config, secrets }: KubernetesAuthSettings,
    party: string,
  ): Promise<OutboundAnswer> {
    const reviewer = secrets.tokenReviewerJwt || jwt;
    try {
      return await this.http.send({
        url: apiServerOf(config) + TOKEN_REVIEWS,
        headers: { authorization: `Bearer ${reviewer}`, 'content-type': 'application/json' },
        body: reviewOf(jwt, config.allowedAudience),
        ca: secrets.caCert || undefined,
        isUnverified: !config.verifyTlsCertificate,
        maxBytes: MAX_BYTES,
        party,
      });
    } catch (error) {
      throw error instanceof OutboundError ? new ApiServerUnavailableError(error.fault, error) : error;
    }
  }
}

/** @throws NotAllowedError */
function requireListed({ namespace, name, audiences }: ReviewedAccount, config: KubernetesAuthConfig): void {
  if (!isIn(config.allowedNamespaces, namespace)) throw new NotAllowedError('namespace');
  if (!isIn(config.allowedNames, name)) throw new NotAllowedError('name');
  const { allowedAudience } = config;
  // A server that knows no audiences has not checked the one it was asked for.
  if (allowedAudience !== '' && !audiences.includes(allowedAudience)) throw new NotAllowedError('audience');
}

function isIn(list: string, text: string): boolean {
  const patterns = entriesOf(list);
  return patterns.length === 0 || matchesOne(patterns, [text]);
}
