import { Get, Param, Post, Query } from '@nestjs/common';
import { HOW_SOON, RevokedDto, WaitQueryDto } from '../access-tokens/api/dto/revocation.dtos';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import type { Actor } from '../changes/change';
import { EXAMPLE } from '../common/dto/examples';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { READ_REFUSALS } from '../database/list-reads';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { Authorized } from '../permissions/authorized.decorator';
import {
  boundaryRefusals,
  InstanceAdminRequiredError,
  LastAdministratorError,
} from '../permissions/permissions.errors';
import { TokenNotFoundError, TokenNotRevocableError } from '../token-auth/token-auth.errors';
import { REVOKE_TOKEN, type Revocation, TokenAuthService } from '../token-auth/token-auth.service';
import { ListManagedTokensQueryDto, ManagedTokenAnswerDto, ManagedTokenListDto } from './dto/managed-token.dtos';
import { findManagedToken, ManagedTokenReadsService } from './managed-token-reads.service';

const OF_ANY_METHOD: Revocation = { action: 'revoke-identity-access-token', find: findManagedToken };

/** Routes that the reference lacks (decision 36): the tokens of every auth method, those of logins too. */
@LatchkeyController('api/latchkey/v1/access-tokens', 'Access tokens')
export class ManagedTokensController {
  constructor(
    private readonly reads: ManagedTokenReadsService,
    private readonly tokens: TokenAuthService,
    private readonly receipts: ChangeReceiptsService,
  ) {}

  @Get()
  @Authorized('identity:read', {
    event: 'list-access-tokens',
    summary: 'List the access tokens of your organization',
    description: 'Those of every auth method. A call costs the same, however many tokens there are.',
    answer: ManagedTokenListDto,
    refusals: [new IdentityNotFoundError(EXAMPLE.identityId), new InstanceAdminRequiredError(), ...READ_REFUSALS],
  })
  list(@Caller() caller: VerifiedAccessToken, @Query() query: ListManagedTokensQueryDto): Promise<ManagedTokenListDto> {
    return this.reads.list(caller, query);
  }

  @Get(':tokenId')
  @Authorized('identity:read', {
    event: 'get-access-token',
    summary: 'Get an access token of any auth method',
    answer: ManagedTokenAnswerDto,
    refusals: [new TokenNotFoundError(EXAMPLE.tokenId), new InstanceAdminRequiredError()],
  })
  async get(@Caller() caller: VerifiedAccessToken, @Param('tokenId') tokenId: string): Promise<ManagedTokenAnswerDto> {
    return { accessToken: await this.reads.get(caller, tokenId) };
  }

  @Post(':tokenId/revoke')
  @Authorized('identity:edit', {
    event: 'revoke-identity-access-token',
    summary: 'Revoke an access token of any auth method',
    description: `The revocation is final. ${HOW_SOON}`,
    answer: RevokedDto,
    refusals: [
      new TokenNotRevocableError(EXAMPLE.tokenId),
      ...boundaryRefusals(REVOKE_TOKEN),
      new LastAdministratorError(),
    ],
  })
  async revoke(
    @CurrentActor() actor: Actor,
    @Param('tokenId') tokenId: string,
    @Query() { wait }: WaitQueryDto,
  ): Promise<RevokedDto> {
    const receipt = await this.tokens.revoke(actor, tokenId, OF_ANY_METHOD);
    return RevokedDto.of(receipt, wait && (await this.receipts.waitForNodes(receipt)));
  }
}
