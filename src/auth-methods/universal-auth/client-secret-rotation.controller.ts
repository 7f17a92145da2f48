import { Body, Headers, Param, Post } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { CurrentActor } from '../../access-tokens/guarding/actor.decorator';
import type { Actor } from '../../changes/change';
import { IDEMPOTENCY_KEY } from '../../common/http/idempotency-key';
import { LatchkeyController } from '../../common/http/latchkey-controller.decorator';
import { NoStore } from '../../common/http/no-store.decorator';
import { Authorized } from '../../permissions/authorized.decorator';
import { boundaryRefusals, LastAdministratorError } from '../../permissions/permissions.errors';
import { ClientSecretRotationsService, ROTATE_SECRET } from './client-secret-rotations.service';
import { RotateClientSecretDto, RotatedClientSecretDto } from './dto/client-secret-rotation.dtos';
import { UNIVERSAL_AUTH } from './universal-auth.definition';
import {
  ClientSecretNotFoundError,
  ClientSecretNotRotatableError,
  ClientSecretRotatedBeforeError,
  TooManyClientSecretsError,
} from './universal-auth.errors';
import { CLIENT_EXAMPLE } from './universal-auth.examples';

const { clientSecretId: ID } = CLIENT_EXAMPLE;

const ABOUT =
  'Makes a new secret in the place of one, with the same settings. The old secret stays usable until a login uses the new one, or `graceSeconds` are over. Tokens that were obtained with the old secret stay valid. A call that is repeated with the same `Idempotency-Key` within a day gets the same secret again. Only this answer contains the secret itself.';

/** A route that the reference lacks (decision 36). */
@LatchkeyController('api/latchkey/v1/client-secrets', UNIVERSAL_AUTH.title)
export class ClientSecretRotationController {
  constructor(private readonly rotations: ClientSecretRotationsService) {}

  @Post(':clientSecretId/rotate')
  @NoStore()
  @ApiHeader(IDEMPOTENCY_KEY)
  @Authorized('identity:create-token', {
    event: 'rotate-identity-universal-auth-client-secret',
    summary: 'Rotate a client secret',
    description: ABOUT,
    answer: RotatedClientSecretDto,
    refusals: [
      new ClientSecretNotFoundError(ID),
      new ClientSecretNotRotatableError(ID),
      new ClientSecretRotatedBeforeError(ID),
      ...boundaryRefusals(ROTATE_SECRET),
      new TooManyClientSecretsError(),
      new LastAdministratorError(),
    ],
  })
  rotateSecret(
    @CurrentActor() actor: Actor,
    @Param('clientSecretId') clientSecretId: string,
    @Body() dto: RotateClientSecretDto,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
  ): Promise<RotatedClientSecretDto> {
    return this.rotations.rotate(actor, clientSecretId, { ...dto, idempotencyKey });
  }
}
