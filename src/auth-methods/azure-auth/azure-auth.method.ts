import { Injectable } from '@nestjs/common';
import { AuthMethod, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { type Claims, entriesOf } from '../federation/claim-rules';
import type { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { UnverifiedJwtError } from '../federation/federation.errors';
import { partyOf } from '../federation/party';
import { verifiedClaims } from '../federation/verified-claims';
import { type AzureAuthConfig, readSettings } from './azure-auth.config';
import { AZURE_AUTH } from './azure-auth.definition';
import {
  InvalidSigningKeyError,
  ServicePrincipalNotAllowedError,
  TenantMismatchError,
  UserTokenError,
} from './azure-auth.errors';
import { EntraKeys } from './entra-keys';

type Attempt = IdentityLoginAttempt<SignedTokenLoginDto, AzureAuthConfig>;

/** Believes an access token of version 1 that Entra ID has given to a service principal of the tenant. */
@Injectable()
export class AzureAuth extends AuthMethod<Attempt> {
  constructor(private readonly keys: EntraKeys) {
    super();
  }

  /** @throws InvalidJwtError, InvalidSigningKeyError, UnverifiedJwtError, LoginError, IssuerUnavailableError */
  async authenticate(attempt: Attempt): Promise<Proof> {
    const { configuration } = attempt;
    const config = readSettings(configuration);
    const tenantId = config.tenantId.toLowerCase();
    const claims = await this.verify(attempt, tenantId);
    requireOfTenant(claims, tenantId);
    if (!isFor(config.resource, claims.aud)) throw new UnverifiedJwtError('jwt audience invalid');
    requireAllowed(claims, config);
    return { configuration };
  }

  private verify(attempt: Attempt, tenantId: string): Promise<Claims> {
    const party = partyOf(AZURE_AUTH, attempt.configuration);
    return verifiedClaims(attempt, async ({ kid }) => {
      const keys = await this.keys.ofTenant(tenantId, kid, party);
      if (keys.length === 0) throw new InvalidSigningKeyError();
      return keys;
    });
  }
}

/** All tenants share keys: issuer and tenant alone tell their tokens apart. @throws UnverifiedJwtError, TenantMismatchError */
function requireOfTenant({ iss, tid }: Claims, tenantId: string): void {
  if (iss !== `https://sts.windows.net/${tenantId}/`) throw new UnverifiedJwtError('jwt issuer invalid');
  if (tid !== tenantId) throw new TenantMismatchError();
}

/** A slash at the end makes no difference: clients and configurations have it or not. */
function isFor(resource: string, audience: unknown): boolean {
  return typeof audience === 'string' && withoutSlash(audience) === withoutSlash(resource);
}

const withoutSlash = (text: string) => text.replace(/\/$/, '');

/** @throws UserTokenError, ServicePrincipalNotAllowedError */
function requireAllowed(claims: Claims, { allowedServicePrincipalIds }: AzureAuthConfig): void {
  requireApplication(claims);
  const allowed = entriesOf(allowedServicePrincipalIds).map((id) => id.toLowerCase());
  const id = String(claims.oid).toLowerCase();
  if (allowed.length > 0 && !allowed.includes(id)) throw new ServicePrincipalNotAllowedError(id.slice(0, 64));
}

/**
 * Not every token says whose it is: `idtyp` is optional. But only the subject of an application is its object id. That of a user is
 * another one for each resource. `scp` says what an application may do for a user.
 *
 * @throws UserTokenError
 */
function requireApplication({ scp, idtyp = 'app', oid, sub }: Claims): void {
  const isApplication = typeof oid === 'string' && oid !== '' && sub === oid;
  if (scp !== undefined || idtyp !== 'app' || !isApplication) throw new UserTokenError();
}
