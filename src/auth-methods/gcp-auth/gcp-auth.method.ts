import { Injectable } from '@nestjs/common';
import { AuthMethod, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { type Claims, entriesOf } from '../federation/claim-rules';
import type { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { UnverifiedJwtError } from '../federation/federation.errors';
import type { VerificationKey } from '../federation/key-set';
import { partyOf } from '../federation/party';
import { SignedJwtError } from '../federation/signed-jwt';
import { verifiedClaims } from '../federation/verified-claims';
import { type GcpAuthConfig, readSettings } from './gcp-auth.config';
import { GCP_AUTH } from './gcp-auth.definition';
import { InvalidAudienceError, InvalidServiceAccountError, NotAllowedError } from './gcp-auth.errors';
import { accountIn, placeIn, requireShort, unverifiedSubject } from './gcp-token';
import { GoogleKeys, type KeyQuestion } from './google-keys';

type Attempt = IdentityLoginAttempt<SignedTokenLoginDto, GcpAuthConfig>;

const GOOGLE = 'https://accounts.google.com';
/** A user-managed service account. Google's own ones have other domains, and sign no tokens for their users. */
const SERVICE_ACCOUNT = /^[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com$/;

/** Believes a token that Google has signed for a workload, or that a service account has signed, and that is for the identity. */
@Injectable()
export class GcpAuth extends AuthMethod<Attempt> {
  constructor(private readonly keys: GoogleKeys) {
    super();
  }

  /** @throws InvalidJwtError, UnverifiedJwtError, LoginError, IssuerUnavailableError */
  async authenticate(attempt: Attempt): Promise<Proof> {
    const { configuration } = attempt;
    const config = readSettings(configuration);
    if (config.type === 'iam') await this.proveAccount(attempt, config);
    else await this.proveWorkload(attempt, config);
    return { configuration };
  }

  /** A token that a service account has signed, or had signed. */
  private async proveAccount(attempt: Attempt, config: GcpAuthConfig) {
    const {
      credentials: { jwt },
      configuration,
    } = attempt;
    const account = unverifiedSubject(jwt);
    if (!SERVICE_ACCOUNT.test(account)) throw new InvalidServiceAccountError();
    // Before its certificates are fetched: a stranger would otherwise choose what Google is asked for.
    requireListed('service_account', config.allowedServiceAccounts, account);
    const claims = await verified(attempt, (question) => this.keys.ofAccount(account, question));
    if (claims.iss !== undefined && claims.iss !== account) throw new UnverifiedJwtError('jwt issuer invalid');
    if (claims.aud !== configuration.identityId) throw new InvalidAudienceError();
  }

  /** An identity token of a virtual machine, a pod or a function. */
  private async proveWorkload(attempt: Attempt, config: GcpAuthConfig) {
    const { configuration } = attempt;
    const claims = await verified(attempt, (question) => this.keys.ofGoogle(question));
    if (claims.iss !== GOOGLE) throw new UnverifiedJwtError('jwt issuer invalid');
    if (claims.aud !== configuration.identityId) throw new UnverifiedJwtError('jwt audience invalid');
    requireListed('service_account', config.allowedServiceAccounts, accountIn(claims));
    const { project, zone } = placeIn(claims);
    requireListed('project', config.allowedProjects, project);
    requireListed('zone', config.allowedZones, zone);
  }
}

/** A token that does not say what is limited is refused: it could come from anywhere. @throws NotAllowedError */
function requireListed(
  what: ConstructorParameters<typeof NotAllowedError>[0],
  list: string,
  value: string | undefined,
): void {
  const entries = entriesOf(list);
  if (entries.length > 0 && !entries.some((entry) => entry === value)) throw new NotAllowedError(what);
}

type KeysFor = (question: KeyQuestion) => Promise<readonly VerificationKey[]>;

/** @throws InvalidJwtError, UnverifiedJwtError, IssuerUnavailableError */
async function verified(attempt: Attempt, keysFor: KeysFor): Promise<Claims> {
  const { configuration, now } = attempt;
  const party = partyOf(GCP_AUTH, configuration);
  const claims = await verifiedClaims(attempt, async ({ kid }) => {
    const keys = await keysFor({ kid, now, party });
    if (keys.length === 0) throw new SignedJwtError('signing key not found');
    return keys;
  });
  return requireShort(claims, now);
}
