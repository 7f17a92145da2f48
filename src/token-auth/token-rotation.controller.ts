import { Body, Headers, Param, Post } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { TokenNotRotatableError, TokenRotatedBeforeError } from '../access-tokens/issuing/access-tokens.errors';
import type { Actor } from '../changes/change';
import { EXAMPLE } from '../common/dto/examples';
import { IDEMPOTENCY_KEY } from '../common/http/idempotency-key';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { NoStore } from '../common/http/no-store.decorator';
import { Authorized } from '../permissions/authorized.decorator';
import { boundaryRefusals, LastAdministratorError } from '../permissions/permissions.errors';
import { RotatedTokenDto, RotateTokenDto } from './dto/token-rotation.dtos';
import { TokenNotFoundError } from './token-auth.errors';
import { ROTATE_TOKEN, TokenRotationsService } from './token-rotations.service';

const ABOUT =
  'Issues a new token in the place of one, with the same name and settings. The old token stays usable until the new one is first used, or `graceSeconds` are over. A call that is repeated with the same `Idempotency-Key` within a day gets the same token again. Only this answer contains the token itself.';

/** A route that the reference lacks (decision 36). */
@LatchkeyController('api/latchkey/v1/access-tokens', 'Access tokens')
export class TokenRotationController {
  constructor(private readonly rotations: TokenRotationsService) {}

  @Post(':tokenId/rotate')
  @NoStore()
  @ApiHeader(IDEMPOTENCY_KEY)
  @Authorized('identity:create-token', {
    event: 'rotate-token-identity-token-auth',
    summary: 'Rotate a token',
    description: ABOUT,
    answer: RotatedTokenDto,
    refusals: [
      new TokenNotFoundError(EXAMPLE.tokenId),
      new TokenNotRotatableError(EXAMPLE.tokenId),
      new TokenRotatedBeforeError(EXAMPLE.tokenId),
      ...boundaryRefusals(ROTATE_TOKEN),
      new LastAdministratorError(),
    ],
  })
  rotateToken(
    @CurrentActor() actor: Actor,
    @Param('tokenId') tokenId: string,
    @Body() dto: RotateTokenDto,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
  ): Promise<RotatedTokenDto> {
    return this.rotations.rotate(actor, tokenId, { ...dto, idempotencyKey });
  }
}
