import { Body, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import { HOW_SOON, RevokedDto, WaitQueryDto } from '../access-tokens/api/dto/revocation.dtos';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { EXAMPLE } from '../common/dto/examples';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { NoStore } from '../common/http/no-store.decorator';
import { PageQueryDto } from '../common/http/page';
import { READ_REFUSALS } from '../database/list-reads';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { SubOrganizationNotFoundError } from '../organizations/organizations.errors';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { Authorized } from '../permissions/authorized.decorator';
import {
  boundaryRefusals,
  InstanceAdminRequiredError,
  LastAdministratorError,
} from '../permissions/permissions.errors';
import { CreateTokenDto, IssuedTokenDto, TokenAnswerDto, TokenListDto, UpdateTokenDto } from './dto/token-auth.dtos';
import { TokenAuthReadsService } from './token-auth-reads.service';
import { TOKEN_AUTH } from './token-auth.definition';
import { TokenNotFoundError, TokenNotRevocableError } from './token-auth.errors';
import { CREATE_TOKEN, REVOKE_TOKEN, TokenAuthService, UPDATE_TOKEN } from './token-auth.service';

const NO_IDENTITY = new IdentityNotFoundError(EXAMPLE.identityId);
const NO_TOKEN = new TokenNotFoundError(EXAMPLE.tokenId);

/** The routes of the tokens themselves; the routes of the method are made from its definition. */
@LatchkeyController('api/v1/auth/token-auth', 'Token Auth')
export class TokenAuthController {
  constructor(
    private readonly tokens: TokenAuthService,
    private readonly reads: TokenAuthReadsService,
    private readonly receipts: ChangeReceiptsService,
  ) {}

  @Post('identities/:identityId/tokens')
  @NoStore()
  @Authorized('identity:create-token', {
    event: 'create-token-identity-token-auth',
    summary: 'Create a token',
    description: 'Only this answer contains the token itself.',
    answer: IssuedTokenDto,
    refusals: [
      NO_IDENTITY,
      new SubOrganizationNotFoundError('acme-eu'),
      ...boundaryRefusals(CREATE_TOKEN),
      TOKEN_AUTH.refusals.missingOnRemove(),
    ],
  })
  createToken(
    @CurrentActor() actor: Actor,
    @Param('identityId') identityId: string,
    @Body() dto: CreateTokenDto,
  ): Promise<IssuedTokenDto> {
    return this.tokens.create(actor, identityId, dto);
  }

  @Get('identities/:identityId/tokens')
  @Authorized('identity:read', {
    event: 'get-tokens-identity-token-auth',
    summary: 'List the tokens of an identity',
    answer: TokenListDto,
    refusals: [NO_IDENTITY, new InstanceAdminRequiredError(), TOKEN_AUTH.refusals.missingOnRemove(), ...READ_REFUSALS],
  })
  listTokens(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Query() query: PageQueryDto,
  ): Promise<TokenListDto> {
    return this.reads.list(caller, identityId, query);
  }

  @Get('tokens/:tokenId')
  @Authorized('identity:read', {
    event: 'get-token-identity-token-auth',
    summary: 'Get a token',
    answer: TokenAnswerDto,
    refusals: [NO_TOKEN, new InstanceAdminRequiredError()],
  })
  async getToken(@Caller() caller: VerifiedAccessToken, @Param('tokenId') tokenId: string): Promise<TokenAnswerDto> {
    return { token: await this.reads.get(caller, tokenId) };
  }

  @Get('identities/:identityId/tokens/:tokenId')
  @Authorized('identity:read', {
    event: 'get-token-identity-token-auth',
    summary: 'Get a token of an identity',
    description: 'Use "Get a token" instead, which needs no identity.',
    answer: TokenAnswerDto,
    refusals: [NO_TOKEN, new InstanceAdminRequiredError()],
    isDeprecated: true,
  })
  async getTokenOfIdentity(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Param('tokenId') tokenId: string,
  ): Promise<TokenAnswerDto> {
    return { token: await this.reads.getOf(caller, identityId, tokenId) };
  }

  @Patch('tokens/:tokenId')
  @Authorized('identity:create-token', {
    event: 'update-token-identity-token-auth',
    summary: 'Update a token',
    description: 'Renames the token. A revoked token can be renamed too.',
    answer: TokenAnswerDto,
    example: { token: { name: 'ci-runner-2' } },
    refusals: [NO_TOKEN, ...boundaryRefusals(UPDATE_TOKEN), TOKEN_AUTH.refusals.missingOnRemove()],
  })
  async updateToken(
    @CurrentActor() actor: Actor,
    @Param('tokenId') tokenId: string,
    @Body() dto: UpdateTokenDto,
  ): Promise<TokenAnswerDto> {
    return { token: await this.tokens.update(actor, tokenId, dto) };
  }

  @Post('tokens/:tokenId/revoke')
  @Authorized('identity:edit', {
    event: 'revoke-token-identity-token-auth',
    summary: 'Revoke a token',
    description: `The revocation is final. ${HOW_SOON}`,
    answer: RevokedDto,
    refusals: [
      new TokenNotRevocableError(EXAMPLE.tokenId),
      ...boundaryRefusals(REVOKE_TOKEN),
      new LastAdministratorError(),
    ],
  })
  async revokeToken(
    @CurrentActor() actor: Actor,
    @Param('tokenId') tokenId: string,
    @Query() { wait }: WaitQueryDto,
  ): Promise<RevokedDto> {
    const receipt = await this.tokens.revoke(actor, tokenId);
    return RevokedDto.of(receipt, wait && (await this.receipts.waitForNodes(receipt)));
  }
}
