import { Get, Param, Query } from '@nestjs/common';
import { Caller } from '../access-tokens/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verified-access-token';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { Authorized } from '../permissions/authorized.decorator';
import { ListMembershipsQueryDto, MembershipListDto } from './dto/identity-list.dtos';
import { OtherOrganizationError } from './identities.errors';
import { requireOwn } from './identities.service';
import { IdentityDirectory } from './identity-directory.service';

const DEFAULT_LIMIT = 100;

@LatchkeyController('api/v2/organizations', 'Identities')
export class MembershipsController {
  constructor(private readonly directory: IdentityDirectory) {}

  @Get(':orgId/identity-memberships')
  @Authorized('identity:read', {
    summary: 'List the identities of an organization by name or role',
    answer: MembershipListDto,
    refusals: [new OtherOrganizationError()],
  })
  async list(
    @Caller() caller: VerifiedAccessToken,
    @Param('orgId') orgId: string,
    @Query() { search, limit = DEFAULT_LIMIT, ...rest }: ListMembershipsQueryDto,
  ): Promise<MembershipListDto> {
    requireOwn(caller, orgId);
    const filter = search === undefined ? {} : { search: { name: { $contains: search } } };
    const found = await this.directory.search(caller.organization.id, { ...rest, limit, ...filter });
    return { identityMemberships: found.identities, totalCount: found.totalCount };
  }
}
