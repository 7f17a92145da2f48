import { Body, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { InvalidIpError, TtlExceedsMaxError } from '../access-tokens/access-token-policy';
import { Caller } from '../access-tokens/caller.decorator';
import { HOW_SOON, RevokedDto, WaitQueryDto } from '../access-tokens/dto/revocation.dtos';
import type { VerifiedAccessToken } from '../access-tokens/verified-access-token';
import { EXAMPLE } from '../common/dto/examples';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { NoStore } from '../common/http/no-store.decorator';
import { PageQueryDto } from '../common/http/page';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { Receipts } from '../watermark/receipts';
import { Authorized } from '../permissions/authorized.decorator';
import { InstanceAdminRequiredError, PermissionBoundaryError } from '../permissions/permissions.errors';
import {
  AttachTokenAuthDto,
  CreateTokenDto,
  IssuedTokenDto,
  TokenAnswerDto,
  TokenAuthAnswerDto,
  TokenListDto,
  UpdateTokenAuthDto,
  UpdateTokenDto,
} from './dto/token-auth.dtos';
import {
  SubOrganizationNotFoundError,
  TokenAuthAlreadyConfiguredError,
  TokenAuthNotConfiguredError,
  TokenAuthNotFoundError,
  TokenNotFoundError,
  TokenNotRevocableError,
} from './token-auth.errors';
import { TokenAuthService } from './token-auth.service';
import { TokensService } from './tokens.service';

const NO_IDENTITY = new IdentityNotFoundError(EXAMPLE.identityId);
const NO_TOKEN = new TokenNotFoundError(EXAMPLE.tokenId);

/** The refusals of acting on somebody's credentials. */
function boundary(what: string) {
  const missing = [{ action: 'grant-privileges', subject: 'identity' }];
  return [new InstanceAdminRequiredError(), new PermissionBoundaryError(what, missing)];
}

@LatchkeyController('api/v1/auth/token-auth', 'Token Auth')
export class TokenAuthController {
  constructor(
    private readonly tokenAuth: TokenAuthService,
    private readonly tokens: TokensService,
    private readonly receipts: Receipts,
  ) {}

  @Post('identities/:identityId')
  @Authorized('identity:edit-auth', {
    summary: 'Attach Token Auth to an identity',
    description: 'Says how its tokens behave. Everything can be left out.',
    answer: TokenAuthAnswerDto,
    refusals: [
      NO_IDENTITY,
      ...boundary('add token auth to identity'),
      new TokenAuthAlreadyConfiguredError(),
      new InvalidIpError(),
    ],
  })
  async attach(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Body() dto: AttachTokenAuthDto,
  ): Promise<TokenAuthAnswerDto> {
    return { identityTokenAuth: await this.tokenAuth.attach(caller, identityId, dto) };
  }

  @Patch('identities/:identityId')
  @Authorized('identity:edit-auth', {
    summary: 'Update Token Auth of an identity',
    description: 'What is left out stays. Tokens that exist keep their lifetimes, but follow the trusted IPs at once.',
    answer: TokenAuthAnswerDto,
    refusals: [
      NO_IDENTITY,
      ...boundary('update token auth of identity'),
      new TokenAuthNotConfiguredError('The identity does not have token auth'),
      new TtlExceedsMaxError(),
      new InvalidIpError(),
    ],
  })
  async update(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Body() dto: UpdateTokenAuthDto,
  ): Promise<TokenAuthAnswerDto> {
    return { identityTokenAuth: await this.tokenAuth.update(caller, identityId, dto) };
  }

  @Get('identities/:identityId')
  @Authorized('identity:read', {
    summary: 'Get Token Auth of an identity',
    answer: TokenAuthAnswerDto,
    refusals: [NO_IDENTITY, new TokenAuthNotFoundError()],
  })
  async get(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
  ): Promise<TokenAuthAnswerDto> {
    return { identityTokenAuth: await this.tokenAuth.get(caller, identityId) };
  }

  @Delete('identities/:identityId')
  @Authorized('identity:revoke-auth', {
    summary: 'Remove Token Auth from an identity',
    description: 'Revokes all its tokens. Attaching it anew does not bring them back.',
    answer: TokenAuthAnswerDto,
    refusals: [NO_IDENTITY, ...boundary('revoke token auth of identity'), new TokenAuthNotConfiguredError()],
  })
  async remove(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
  ): Promise<TokenAuthAnswerDto> {
    return { identityTokenAuth: await this.tokenAuth.remove(caller, identityId) };
  }

  @Post('identities/:identityId/tokens')
  @NoStore()
  @Authorized('identity:create-token', {
    summary: 'Create a token',
    description: 'The token itself is answered here and never again.',
    answer: IssuedTokenDto,
    refusals: [
      NO_IDENTITY,
      new SubOrganizationNotFoundError('acme-eu'),
      ...boundary('create token for identity'),
      new TokenAuthNotConfiguredError(),
    ],
  })
  createToken(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Body() dto: CreateTokenDto,
  ): Promise<IssuedTokenDto> {
    return this.tokens.create(caller, identityId, dto);
  }

  @Get('identities/:identityId/tokens')
  @Authorized('identity:read', {
    summary: 'List the tokens of an identity',
    answer: TokenListDto,
    refusals: [NO_IDENTITY, new TokenAuthNotConfiguredError()],
  })
  listTokens(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Query() query: PageQueryDto,
  ): Promise<TokenListDto> {
    return this.tokens.list(caller, identityId, query);
  }

  @Get('tokens/:tokenId')
  @Authorized('identity:read', { summary: 'Get a token', answer: TokenAnswerDto, refusals: [NO_TOKEN] })
  async getToken(@Caller() caller: VerifiedAccessToken, @Param('tokenId') tokenId: string): Promise<TokenAnswerDto> {
    return { token: await this.tokens.get(caller, tokenId) };
  }

  @Get('identities/:identityId/tokens/:tokenId')
  @Authorized('identity:read', {
    summary: 'Get a token of an identity',
    description: 'Use "Get a token" instead, which needs no identity.',
    answer: TokenAnswerDto,
    refusals: [NO_TOKEN],
    isDeprecated: true,
  })
  async getTokenOfIdentity(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Param('tokenId') tokenId: string,
  ): Promise<TokenAnswerDto> {
    return { token: await this.tokens.getOf(caller, identityId, tokenId) };
  }

  @Patch('tokens/:tokenId')
  @Authorized('identity:create-token', {
    summary: 'Update a token',
    description: 'Gives it another name. A revoked token can still be renamed.',
    answer: TokenAnswerDto,
    refusals: [NO_TOKEN, ...boundary('update token for identity'), new TokenAuthNotConfiguredError()],
  })
  async updateToken(
    @Caller() caller: VerifiedAccessToken,
    @Param('tokenId') tokenId: string,
    @Body() dto: UpdateTokenDto,
  ): Promise<TokenAnswerDto> {
    return { token: await this.tokens.update(caller, tokenId, dto) };
  }

  @Post('tokens/:tokenId/revoke')
  @Authorized('identity:edit', {
    summary: 'Revoke a token',
    description: `It stays dead. ${HOW_SOON}`,
    answer: RevokedDto,
    refusals: [new TokenNotRevocableError(EXAMPLE.tokenId), ...boundary('revoke token of identity')],
  })
  async revokeToken(
    @Caller() caller: VerifiedAccessToken,
    @Param('tokenId') tokenId: string,
    @Query() { wait }: WaitQueryDto,
  ): Promise<RevokedDto> {
    const receipt = await this.tokens.revoke(caller, tokenId);
    return RevokedDto.of(receipt, wait && receipt && (await this.receipts.spread(receipt)));
  }
}
