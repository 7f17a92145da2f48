import { Injectable } from '@nestjs/common';
import {
  type RotatedToken,
  type Rotation,
  TokenRotationService,
} from '../access-tokens/issuing/token-rotation.service';
import { readTokenPermissions } from '../access-tokens/issuing/token-permissions';
import type { Actor } from '../changes/change';
import { ChangesService } from '../changes/changes.service';
import { rotationTargets } from '../changes/targets';
import type { OwnUnitOfWork } from '../changes/unit-of-work';
import { requireIdempotencyKey } from '../common/http/idempotency-key';
import { isId } from '../common/ids';
import { IdentityAccessToken } from '../database/entities/identity-access-token.entity';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { ManagedIdentitiesService, type ManagedIdentity, privilegesOf } from '../identities/managed-identities.service';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { type Attempt, PermissionsService } from '../permissions/permissions.service';
import type { RotatedTokenDto, RotateTokenDto } from './dto/token-rotation.dtos';
import { TOKEN_AUTH } from './token-auth.definition';
import { TokenNotFoundError } from './token-auth.errors';

export const ROTATE_TOKEN: Attempt = { what: 'rotate token for identity', permission: 'identity:create-token' };

/** Rotates tokens for the managers of an identity. */
@Injectable()
export class TokenRotationsService {
  constructor(
    private readonly managed: ManagedIdentitiesService,
    private readonly permissions: PermissionsService,
    private readonly rotation: TokenRotationService,
    private readonly changes: ChangesService,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /** @throws TokenNotFoundError, TokenNotRotatableError, TokenRotatedBeforeError, ValidationFailureError, LastAdministratorError */
  async rotate(
    actor: Actor,
    tokenId: string,
    { graceSeconds = 0, endsOldOnFirstUse = true, idempotencyKey }: RotateTokenDto & { idempotencyKey?: string },
  ): Promise<RotatedTokenDto> {
    requireIdempotencyKey(idempotencyKey);
    const organizationId = actor.caller.organization.id;
    return this.changes.alter({ actor, action: 'rotate-token-identity-token-auth' }, async (work) => {
      const how = { tokenId, organizationId, graceSeconds, endsOldOnFirstUse, idempotencyKey };
      const target = { identityId: await holderOf(work, how), organizationId };
      // By a policy that has changed, the new token may live for a shorter time.
      const rotated = await this.lastAdministrator.keep(work.run, target, () =>
        this.rotateIn(work, actor, target.identityId, how),
      );
      return answerOf(tokenId, rotated);
    });
  }

  private async rotateIn(work: OwnUnitOfWork, actor: Actor, identityId: string, how: Rotation): Promise<RotatedToken> {
    const { tokenId } = how;
    const managed = await this.managed
      .getForChange(work.tx, actor.caller, identityId, ROTATE_TOKEN)
      .catch(deletedIs(tokenId));
    // The new token will have the permissions of this one.
    await this.requireCovered(work, actor, managed, tokenId);
    const rotated = await this.rotation.rotate(work.run, how);
    if (rotated === undefined) throw new TokenNotFoundError(tokenId);
    if (rotated.isRepeated) {
      // It is handed out again: a host may have given it more since it was made.
      await this.requireCovered(work, actor, managed, rotated.token.id);
      work.unchanged();
    } else for (const target of rotationTargets(tokenId, rotated.token)) work.changed(target);
    return rotated;
  }

  /** The caller must cover the role and the permissions of the token. @throws TokenNotFoundError, PermissionBoundaryError, InstanceAdminRequiredError */
  private async requireCovered(
    { tx }: OwnUnitOfWork,
    { caller }: Pick<Actor, 'caller'>,
    managed: ManagedIdentity,
    id: string,
  ): Promise<void> {
    const where = { id, organizationId: caller.organization.id, authMethod: TOKEN_AUTH.slug };
    // Locked, so that its permissions do not grow after they were compared.
    const token = await tx.findOne(IdentityAccessToken, { where, lock: { mode: 'for_no_key_update' } });
    if (token === null) throw new TokenNotFoundError(id);
    const target = { ...privilegesOf(managed), permissions: readTokenPermissions(token.permissions) };
    this.permissions.requirePrivileges(caller, target, ROTATE_TOKEN);
  }
}

/** @throws TokenNotFoundError */
async function holderOf({ tx }: OwnUnitOfWork, { tokenId, organizationId }: Rotation): Promise<string> {
  const where = { id: tokenId, organizationId: organizationId!, authMethod: TOKEN_AUTH.slug };
  const token = isId(tokenId) ? await tx.findOneBy(IdentityAccessToken, where) : null;
  if (token === null) throw new TokenNotFoundError(tokenId);
  return token.identityId;
}

function deletedIs(tokenId: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof IdentityNotFoundError ? new TokenNotFoundError(tokenId) : error;
  };
}

function answerOf(id: string, { accessToken, expiresIn, token, oldEndsAt, isRepeated }: RotatedToken): RotatedTokenDto {
  const { id: tokenId, identityId, accessTokenMaxTTL } = token;
  const replaced = { id, endsAt: oldEndsAt };
  return { accessToken, expiresIn, accessTokenMaxTTL, tokenType: 'Bearer', tokenId, identityId, replaced, isRepeated };
}
