import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AccessTokenDto } from '../access-tokens/api/dto/access-token.dtos';
import { AccessTokenIssuer } from '../access-tokens/issuing/access-token.issuer';
import { AuthMethodConfigurationsService } from '../auth-methods/configuration/auth-method-configurations.service';
import { sqlIn } from '../database/sql-runner';
import { IdentityStore } from '../identities/identity.store';
import type { ManagedIdentity } from '../identities/managed-identities.service';
import type { IssuedTokenDto } from './dto/token-auth.dtos';
import { TOKEN_AUTH } from './token-auth.definition';

/** Issues tokens by Token Auth: for managers, for new tenants, and from the command line. */
@Injectable()
export class TokenAuthIssuer {
  constructor(
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly issuer: AccessTokenIssuer,
    private readonly identities: IdentityStore,
  ) {}

  /**
   * Issues and signs a token. The caller checks permissions and holds the lock on the membership.
   *
   * @param lifetimeSeconds replaces the method's lifetime, all renewals included.
   */
  async issue(
    tx: EntityManager,
    { identity, membership }: ManagedIdentity,
    name: string | null,
    lifetimeSeconds?: number,
  ): Promise<IssuedTokenDto> {
    const configured = await this.configurations.require(tx, TOKEN_AUTH, identity.id);
    const lifetime = { accessTokenTTL: lifetimeSeconds, accessTokenMaxTTL: lifetimeSeconds };
    const method = lifetimeSeconds === undefined ? configured : Object.assign(configured, lifetime);
    const token = await this.issuer.insert(tx, { identity, method, name });
    const login = { method: TOKEN_AUTH.slug, at: token.createdAt };
    await this.identities.noteLogin(sqlIn(tx), membership, login);
    const trustedIps = method.accessTokenTrustedIps;
    const signable = { ...token, identityName: identity.name, trustedIps };
    const signed = this.issuer.sign(signable, token.createdAt, token.expiresAt);
    const { accessTokenMaxTTL } = method;
    return { ...signed, accessTokenMaxTTL, tokenType: 'Bearer', tokenData: AccessTokenDto.of(token) };
  }
}
