import { Get, Param } from '@nestjs/common';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { EXAMPLE } from '../common/dto/examples';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { longAnswer, PART_SIZE } from '../common/http/long-answer';
import { NIL_ID } from '../common/ids';
import { READ_REFUSALS } from '../database/list-reads';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { Authorized } from '../permissions/authorized.decorator';
import { IdentityProjectsDto } from './dto/membership.dtos';
import { ProjectMembersService } from './project-members.service';

@LatchkeyController('api/v1/identities/:identityId/identity-memberships', 'Projects')
export class IdentityProjectsController {
  constructor(private readonly members: ProjectMembersService) {}

  @Get()
  @Authorized('identity:read', {
    event: 'list-identity-project-memberships',
    summary: 'List the projects of an identity',
    answer: IdentityProjectsDto,
    refusals: [new IdentityNotFoundError(EXAMPLE.identityId), ...READ_REFUSALS],
  })
  async list(@Caller() caller: VerifiedAccessToken, @Param('identityId') id: string): Promise<object> {
    const readNext = (after: string, limit: number) => this.members.projectsOf(caller, id, after, limit);
    const first = await readNext(NIL_ID, PART_SIZE);
    return longAnswer({ key: 'identityMemberships', first, rest: {}, most: Infinity, readNext });
  }
}
