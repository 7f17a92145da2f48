import { Param, Post, type Type } from '@nestjs/common';
import { CurrentActor } from '../../access-tokens/guarding/actor.decorator';
import type { Actor } from '../../changes/change';
import { EXAMPLE } from '../../common/dto/examples';
import { LatchkeyController } from '../../common/http/latchkey-controller.decorator';
import { IdentityNotFoundError } from '../../identities/identities.errors';
import { Authorized } from '../../permissions/authorized.decorator';
import { boundaryRefusals } from '../../permissions/permissions.errors';
import type { AuthMethodDefinition } from '../auth-method.definition';
import { named } from '../controller-name';
import { ClearedLockoutsDto } from './dto/cleared-lockouts.dto';
import { CLEAR_LOCKOUTS, LockoutClearingService } from './lockout-clearing.service';

/** The route that clears lockouts, for methods whose credentials can be guessed. */
export function lockoutsController(method: AuthMethodDefinition): Type {
  @LatchkeyController(`api/v1/auth/${method.slug}/identities/:identityId`, method.title)
  class LockoutsController {
    constructor(private readonly clearing: LockoutClearingService) {}

    @Post('clear-lockouts')
    @Authorized('identity:edit', {
      event: `clear-identity-${method.slug}-lockouts`,
      summary: `Clear the lockouts of ${method.title}`,
      description: 'Names that were locked after wrong guesses can log in again at once.',
      answer: ClearedLockoutsDto,
      refusals: [
        new IdentityNotFoundError(EXAMPLE.identityId),
        ...boundaryRefusals(CLEAR_LOCKOUTS),
        method.refusals.missingOnRemove(),
      ],
    })
    async clearLockouts(
      @CurrentActor() actor: Actor,
      @Param('identityId') identityId: string,
    ): Promise<ClearedLockoutsDto> {
      return { deleted: await this.clearing.clear(method, actor, identityId) };
    }
  }
  return named(LockoutsController, method);
}
