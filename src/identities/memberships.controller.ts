import { Get, Param, Query } from '@nestjs/common';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { longAnswer, PART_SIZE } from '../common/http/long-answer';
import { READ_REFUSALS } from '../database/list-reads';
import { Authorized } from '../permissions/authorized.decorator';
import { ListMembershipsQueryDto, MembershipListDto } from './dto/identity-list.dtos';
import { OtherOrganizationError } from './identities.errors';
import { requireOwn } from './identities.service';
import { IdentityDirectoryService, mostCountedOf } from './identity-directory.service';

const DEFAULT_LIMIT = 100;

@LatchkeyController('api/v2/organizations', 'Identities')
export class MembershipsController {
  constructor(private readonly directory: IdentityDirectoryService) {}

  @Get(':orgId/identity-memberships')
  @Authorized('identity:read', {
    event: 'list-identity-memberships',
    summary: 'List the identities of an organization by name or role',
    answer: MembershipListDto,
    refusals: [new OtherOrganizationError(), ...READ_REFUSALS],
  })
  async list(
    @Caller() caller: VerifiedAccessToken,
    @Param('orgId') orgId: string,
    @Query() { search: part, limit = DEFAULT_LIMIT, ...rest }: ListMembershipsQueryDto,
  ): Promise<object> {
    requireOwn(caller, orgId);
    const { id } = caller.organization;
    const search = part === undefined ? undefined : { name: { $contains: part } };
    const query = { ...rest, search, limit: Math.min(limit, PART_SIZE) };
    const first = await this.directory.search(id, query, mostCountedOf({ ...rest, limit }));
    return longAnswer({
      key: 'identityMemberships',
      first,
      rest: first.total,
      most: limit,
      readNext: (cursor, size) => this.directory.searchOn(id, { ...query, offset: 0, cursor, limit: size }),
    });
  }
}
