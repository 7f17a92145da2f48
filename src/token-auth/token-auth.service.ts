import { Injectable } from '@nestjs/common';
import { AccessTokenStore } from '../access-tokens/issuing/access-token.store';
import { readTokenPermissions } from '../access-tokens/issuing/token-permissions';
import type { AccessTokenDto } from '../access-tokens/api/dto/access-token.dtos';
import type { IdentityAccessToken } from '../database/entities/identity-access-token.entity';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { Clock } from '../common/clock/clock';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { ManagedIdentitiesService, privilegesOf } from '../identities/managed-identities.service';
import { SubOrganizationNotFoundError } from '../organizations/organizations.errors';
import { ChangesService } from '../changes/changes.service';
import type { Actor, ChangeAction } from '../changes/change';
import { tokenTarget } from '../changes/targets';
import { NothingLeft, type OwnUnitOfWork } from '../changes/unit-of-work';
import { type Receipt, ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { type Attempt, PermissionsService } from '../permissions/permissions.service';
import type { CreateTokenDto, IssuedTokenDto, UpdateTokenDto } from './dto/token-auth.dtos';
import { TOKEN_AUTH } from './token-auth.definition';
import { TokenNotFoundError, TokenNotRevocableError } from './token-auth.errors';
import { describe, findToken } from './token-auth-reads.service';
import { TokenAuthIssuer } from './token-auth.issuer';

export const CREATE_TOKEN: Attempt = { what: 'create token for identity', permission: 'identity:create-token' };
export const UPDATE_TOKEN: Attempt = { what: 'update token for identity', permission: 'identity:create-token' };
export const REVOKE_TOKEN: Attempt = {
  what: 'revoke token of identity',
  permission: 'identity:edit',
  isRevocation: true,
};

/** The tokens that a revocation reaches, and its name in the audit log. */
export interface Revocation {
  readonly action: ChangeAction;
  readonly find: typeof findToken;
}

const OF_TOKEN_AUTH: Revocation = { action: 'revoke-token-identity-token-auth', find: findToken };

/** Changes the tokens that the managers of an identity issue by hand. `token-auth-reads.service.ts` reads them. */
@Injectable()
export class TokenAuthService {
  constructor(
    private readonly managed: ManagedIdentitiesService,
    private readonly issuer: TokenAuthIssuer,
    private readonly store: AccessTokenStore,
    private readonly changes: ChangesService,
    private readonly clock: Clock,
    private readonly receipts: ChangeReceiptsService,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly permissions: PermissionsService,
  ) {}

  /** @throws IdentityNotFoundError, AuthMethodNotConfiguredError, SubOrganizationNotFoundError */
  async create(actor: Actor, identityId: string, dto: CreateTokenDto): Promise<IssuedTokenDto> {
    const { caller } = actor;
    return this.changes.add({ actor, action: 'create-token-identity-token-auth' }, async (work) => {
      const { tx } = work;
      const target = await this.managed.getForChange(tx, caller, identityId, CREATE_TOKEN);
      const { organizationSlug: slug } = dto;
      if (slug !== undefined && slug !== caller.organization.slug) throw new SubOrganizationNotFoundError(slug);
      const issued = await this.issuer.issue(tx, target, dto.name ?? null);
      work.changed(tokenTarget({ ...issued.tokenData, organizationId: caller.organization.id }));
      return issued;
    });
  }

  /** @throws TokenNotFoundError, AuthMethodNotConfiguredError */
  async update(actor: Actor, tokenId: string, { name }: UpdateTokenDto): Promise<AccessTokenDto> {
    const { caller } = actor;
    return this.changes.alter({ actor, action: 'update-token-identity-token-auth' }, async (work) => {
      const { tx, run } = work;
      const token = await findToken(tx, caller, tokenId);
      if (!token) throw new TokenNotFoundError(tokenId);
      const managed = await this.managed
        .getForChange(tx, caller, token.identityId, UPDATE_TOKEN)
        .catch(deletedIs(new TokenNotFoundError(tokenId)));
      // A host may have given the token more than its identity's role has.
      const target = { ...privilegesOf(managed), permissions: readTokenPermissions(token.permissions) };
      this.permissions.requirePrivileges(caller, target, UPDATE_TOKEN);
      const renaming = { tokenId: token.id, method: TOKEN_AUTH.slug, name, updatedAt: this.clock.now() };
      const renamed = await this.store.rename(run, renaming);
      if (!renamed) throw TOKEN_AUTH.refusals.missingOnRemove();
      work.changed(tokenTarget(renamed.token));
      return describe(renamed.token, renamed.methodRemovedAt);
    });
  }

  /** @throws TokenNotRevocableError, InstanceAdminRequiredError, PermissionBoundaryError, LastAdministratorError */
  async revoke(actor: Actor, tokenId: string, { action, find } = OF_TOKEN_AUTH): Promise<Receipt | null> {
    const { caller } = actor;
    return this.changes.takeAway({ actor, action }, async (work) => {
      const found = await find(work.tx, caller, tokenId);
      if (!found) throw new TokenNotRevocableError(tokenId);
      const target = { identityId: found.identityId, organizationId: caller.organization.id };
      await this.lastAdministrator.keep(work.run, target, () => this.revokeIn(work, caller, found));
      return this.receipts.of(work.tx);
    });
  }

  private async revokeIn(work: OwnUnitOfWork, caller: VerifiedAccessToken, found: IdentityAccessToken): Promise<void> {
    const { tx, run } = work;
    const { id: tokenId, organizationId } = found;
    const refusal = new TokenNotRevocableError(tokenId);
    await this.managed.getForChange(tx, caller, found.identityId, REVOKE_TOKEN).catch(deletedIs(refusal));
    const revoked = await this.store.revoke(run, { tokenId, organizationId, revokedAt: this.clock.now() });
    if (!revoked) throw new NothingLeft(refusal);
    work.changed(tokenTarget(found));
  }
}

/** If the identity of a token was deleted, the token counts as missing. */
function deletedIs(missing: LatchkeyError): (error: unknown) => never {
  return (error) => {
    throw error instanceof IdentityNotFoundError ? missing : error;
  };
}
