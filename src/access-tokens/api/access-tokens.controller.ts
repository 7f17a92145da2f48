import { Body, Post, Query } from '@nestjs/common';
import { REQUEST_LIMIT_EXAMPLE } from '../guarding/request-limits.service';
import { Origin } from '../guarding/actor.decorator';
import { LatchkeyController } from '../../common/http/latchkey-controller.decorator';
import { NoStore } from '../../common/http/no-store.decorator';
import { PublicRoute } from '../../common/http/public-route.decorator';
import type { RequestOrigin } from '../../common/http/request-origin';
import { LastAdministratorError } from '../../permissions/permissions.errors';
import { ChangeReceiptsService } from '../../change-feed/change-receipts.service';
import {
  AccessTokenRefusedError,
  ExpiredAccessTokenError,
  InvalidAlgorithmError,
  InvalidSignatureError,
  MalformedAccessTokenError,
  type Refusal,
  REFUSALS,
  UntrustedAddressError,
  WrongTokenTypeError,
} from '../issuing/access-tokens.errors';
import { PresentedTokenDto, SignedTokenDto } from './dto/access-token.dtos';
import { HOW_SOON, RevokedDto, WaitQueryDto } from './dto/revocation.dtos';
import { TokenRenewalsService } from './token-renewals.service';
import { TokenRevocationsService } from './token-revocations.service';

const BAD_TOKENS = [
  new ExpiredAccessTokenError(),
  new MalformedAccessTokenError(),
  new InvalidSignatureError(),
  new InvalidAlgorithmError(),
  new WrongTokenTypeError(),
];

@LatchkeyController('api/v1/auth/token', 'Access tokens')
export class AccessTokensController {
  constructor(
    private readonly renewals: TokenRenewalsService,
    private readonly revocations: TokenRevocationsService,
    private readonly receipts: ChangeReceiptsService,
  ) {}

  @Post('renew')
  @NoStore()
  @PublicRoute({
    event: 'renew-identity-access-token',
    summary: 'Renew an access token',
    description:
      'The token in the body is the proof; no other credential is needed. The answer has a new JWT for the same token, with a later expiry. The old JWT stays valid until it expires.',
    answer: SignedTokenDto,
    refusals: [
      ...BAD_TOKENS,
      ...(Object.keys(REFUSALS) as Refusal[]).map((refusal) => new AccessTokenRefusedError(refusal, 'Cannot renew')),
      new UntrustedAddressError(),
      REQUEST_LIMIT_EXAMPLE,
    ],
  })
  async renew(@Body() { accessToken }: PresentedTokenDto, @Origin() origin: RequestOrigin): Promise<SignedTokenDto> {
    const renewed = await this.renewals.renew(accessToken, origin);
    return { ...renewed, tokenType: 'Bearer' };
  }

  @Post('revoke')
  @PublicRoute({
    event: 'revoke-identity-access-token',
    summary: 'Revoke an access token by presenting it',
    description: `The token in the body is the proof; no other credential is needed. Revokes the token and every JWT renewed from it, for good. The last token of the last administrator cannot be revoked: create another one first. ${HOW_SOON}`,
    answer: RevokedDto,
    refusals: [...BAD_TOKENS, new LastAdministratorError(), REQUEST_LIMIT_EXAMPLE],
  })
  async revoke(
    @Body() { accessToken }: PresentedTokenDto,
    @Query() { wait }: WaitQueryDto,
    @Origin() origin: RequestOrigin,
  ): Promise<RevokedDto> {
    const receipt = await this.revocations.revoke(accessToken, origin);
    return RevokedDto.of(receipt, wait && (await this.receipts.waitForNodes(receipt)));
  }
}
