import { Get } from '@nestjs/common';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { Authorized } from '../permissions/authorized.decorator';
import { PermissionsService } from '../permissions/permissions.service';
import { MeAnswerDto } from './dto/me.dtos';

/** A route that the reference lacks: a page or a program learns what it may offer. */
@LatchkeyController('api/latchkey/v1/me', 'Identities')
export class MeController {
  constructor(private readonly permissions: PermissionsService) {}

  @Get()
  @Authorized('any', {
    event: null,
    summary: 'Get yourself and your permissions',
    description: 'Answered from the facts of the token, without a query of its own.',
    answer: MeAnswerDto,
  })
  me(@Caller() caller: VerifiedAccessToken): MeAnswerDto {
    const { identityId, identityName, role, isInstanceAdmin, tokenId, tokenName, authMethod, expiresAt } = caller;
    const { id, name, slug } = caller.organization;
    const who = { identityId, identityName, organization: { id, name, slug }, role, isInstanceAdmin };
    const permissions = this.permissions.permissionsOf(caller);
    return { me: { ...who, permissions, tokenId, tokenName, authMethod, expiresAt } };
  }
}
