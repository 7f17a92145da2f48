import { Body, Delete, Get, Inject, Optional, Param, Patch, Post, type Type } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import { InvalidIpError, TtlExceedsMaxError } from '../../access-tokens/issuing/access-token-policy';
import { CurrentActor } from '../../access-tokens/guarding/actor.decorator';
import { Caller } from '../../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import type { Actor } from '../../changes/change';
import { EXAMPLE } from '../../common/dto/examples';
import { ContractPipe } from '../../common/http/contract.pipe';
import { LatchkeyController } from '../../common/http/latchkey-controller.decorator';
import { IdentityNotFoundError } from '../../identities/identities.errors';
import { Authorized } from '../../permissions/authorized.decorator';
import { boundaryRefusals, LastAdministratorError } from '../../permissions/permissions.errors';
import type { AuthMethod } from '../auth-method';
import {
  attaching,
  AuthMethodConfigurationsService,
  type ConfiguredMethod,
  removing,
  updating,
} from './auth-method-configurations.service';
import type { AuthMethodDefinition, ShownConfiguration } from '../auth-method.definition';
import { named } from '../controller-name';

/** Provides nothing. */
const NO_BEHAVIOUR = Symbol('no behaviour');
const NO_IDENTITY = new IdentityNotFoundError(EXAMPLE.identityId);

/**
 * The routes that attach, update, retrieve and remove a method: one class for all methods, made from the definition of each.
 * Bodies are declared as plain objects: a class named here would be validated against before the method's own.
 */
// eslint-disable-next-line max-lines-per-function -- a class, not a function
export function configurationController(method: AuthMethodDefinition, behaviour?: Type<AuthMethod>): Type {
  const { title, slug, input, refusals } = method;
  const answer = method.answer.type;
  const answered = (route: ShownConfiguration['route'], { row, secrets }: ConfiguredMethod) => ({
    [method.responseKey]: method.answer.of(row, { route, secrets }),
  });

  @LatchkeyController(`api/v1/auth/${slug}/identities/:identityId`, title)
  class ConfigurationController {
    constructor(
      private readonly configurations: AuthMethodConfigurationsService,
      @Optional() @Inject(behaviour ?? NO_BEHAVIOUR) private readonly behaviour?: AuthMethod,
    ) {}

    @Post()
    @ApiBody({ type: input.attach })
    @Authorized('identity:edit-auth', {
      event: `add-identity-${slug}`,
      summary: `Attach ${title} to an identity`,
      description: 'The body sets how tokens of this method behave. Fields that are not required have defaults.',
      answer,
      refusals: [
        NO_IDENTITY,
        ...boundaryRefusals(attaching(method)),
        refusals.alreadyConfigured(),
        new InvalidIpError(),
      ],
    })
    async attach(
      @CurrentActor() actor: Actor,
      @Param('identityId') identityId: string,
      @Body(ContractPipe.of(input.attach)) dto: object,
    ): Promise<object> {
      return answered('attach', await this.configurations.attach({ method, actor, identityId }, dto, this.behaviour));
    }

    @Patch()
    @ApiBody({ type: input.update })
    @Authorized('identity:edit-auth', {
      event: `update-identity-${slug}`,
      summary: `Update ${title} of an identity`,
      description:
        'Fields that are left out keep their values. New trusted addresses apply to existing tokens at once.',
      answer,
      refusals: [
        NO_IDENTITY,
        ...boundaryRefusals(updating(method)),
        refusals.missingOnUpdate(EXAMPLE.identityId),
        new TtlExceedsMaxError(),
        new InvalidIpError(),
        new LastAdministratorError(),
      ],
    })
    async update(
      @CurrentActor() actor: Actor,
      @Param('identityId') identityId: string,
      @Body(ContractPipe.of(input.update)) dto: object,
    ): Promise<object> {
      return answered('update', await this.configurations.update({ method, actor, identityId }, dto, this.behaviour));
    }

    @Get()
    @Authorized('identity:read', {
      event: `get-identity-${slug}`,
      summary: `Get ${title} of an identity`,
      answer,
      refusals: [NO_IDENTITY, refusals.missingOnGet(EXAMPLE.identityId)],
    })
    async get(@Caller() caller: VerifiedAccessToken, @Param('identityId') identityId: string): Promise<object> {
      return answered('get', await this.configurations.get({ method, caller, identityId }));
    }

    @Delete()
    @Authorized('identity:revoke-auth', {
      event: `revoke-identity-${slug}`,
      summary: `Remove ${title} from an identity`,
      description: 'Revokes all tokens of the method. Attaching the method again does not make them valid again.',
      answer: method.answer.removed ?? answer,
      refusals: [
        NO_IDENTITY,
        ...boundaryRefusals(removing(method)),
        refusals.missingOnRemove(),
        new LastAdministratorError(),
      ],
    })
    async remove(@CurrentActor() actor: Actor, @Param('identityId') identityId: string): Promise<object> {
      return answered('remove', await this.configurations.remove({ method, actor, identityId }));
    }
  }
  return named(ConfigurationController, method);
}
