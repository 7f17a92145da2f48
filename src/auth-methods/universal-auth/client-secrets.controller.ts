import { Body, Get, Param, Post, Query } from '@nestjs/common';
import { CurrentActor } from '../../access-tokens/guarding/actor.decorator';
import { Caller } from '../../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import type { Actor } from '../../changes/change';
import { EXAMPLE } from '../../common/dto/examples';
import { LatchkeyController } from '../../common/http/latchkey-controller.decorator';
import { NoStore } from '../../common/http/no-store.decorator';
import { longAnswer } from '../../common/http/long-answer';
import { PageQueryDto } from '../../common/http/page';
import { READ_REFUSALS } from '../../database/list-reads';
import { IdentityNotFoundError } from '../../identities/identities.errors';
import { Authorized } from '../../permissions/authorized.decorator';
import { boundaryRefusals, LastAdministratorError } from '../../permissions/permissions.errors';
import { ClientSecretRevocationsService, REVOKE_SECRET } from './client-secret-revocations.service';
import { ClientSecretReadsService, GET_SECRET, LIST_SECRETS } from './client-secret-reads.service';
import { ClientSecretsService, CREATE_SECRET } from './client-secrets.service';
import {
  ClientSecretAnswerDto,
  ClientSecretListDto,
  CreateClientSecretDto,
  CreatedClientSecretDto,
} from './dto/client-secret.dtos';
import { UNIVERSAL_AUTH } from './universal-auth.definition';
import { ClientSecretNotFoundError, MAX_CLIENT_SECRETS, TooManyClientSecretsError } from './universal-auth.errors';
import { CLIENT_EXAMPLE } from './universal-auth.examples';

const NO_IDENTITY = new IdentityNotFoundError(EXAMPLE.identityId);
const NO_SECRET = new ClientSecretNotFoundError(CLIENT_EXAMPLE.clientSecretId);
const NOT_CONFIGURED = UNIVERSAL_AUTH.refusals.missingOnRemove();
/** The first part has read the total. */
const UNCOUNTED = 0;
const NO_ROOM = new TooManyClientSecretsError();

@LatchkeyController('api/v1/auth/universal-auth/identities/:identityId/client-secrets', UNIVERSAL_AUTH.title)
export class ClientSecretsController {
  constructor(
    private readonly secrets: ClientSecretsService,
    private readonly reads: ClientSecretReadsService,
    private readonly revocations: ClientSecretRevocationsService,
  ) {}

  @Post()
  @NoStore()
  @Authorized('identity:create-token', {
    event: 'create-identity-universal-auth-client-secret',
    summary: 'Create a client secret',
    description: 'Only this answer contains the secret itself.',
    answer: CreatedClientSecretDto,
    refusals: [NO_IDENTITY, ...boundaryRefusals(CREATE_SECRET), NOT_CONFIGURED, NO_ROOM],
  })
  create(
    @CurrentActor() actor: Actor,
    @Param('identityId') identityId: string,
    @Body() dto: CreateClientSecretDto,
  ): Promise<CreatedClientSecretDto> {
    return this.secrets.create(actor, identityId, dto);
  }

  @Get()
  @Authorized('identity:get-token', {
    event: 'get-identity-universal-auth-client-secrets',
    summary: 'List the client secrets of an identity',
    description: 'Lists the client secrets that are not revoked. Without `limit` and `cursor` the list is complete.',
    answer: ClientSecretListDto,
    refusals: [NO_IDENTITY, ...boundaryRefusals(LIST_SECRETS), NOT_CONFIGURED, ...READ_REFUSALS],
  })
  async list(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Query() query: PageQueryDto,
  ): Promise<object> {
    const { items, nextCursor, ...rest } = await this.reads.list(caller, identityId, query);
    // The contract has no pages here: clients that ask for none expect the whole list.
    const isPage = query.limit !== undefined || query.cursor !== undefined;
    return longAnswer({
      key: 'clientSecretData',
      first: { items, nextCursor },
      rest,
      most: isPage ? items.length : MAX_CLIENT_SECRETS,
      readNext: (cursor, limit) => this.reads.list(caller, identityId, { cursor, limit }, UNCOUNTED),
    });
  }

  @Get(':clientSecretId')
  @Authorized('identity:get-token', {
    event: 'get-identity-universal-auth-client-secret-by-id',
    summary: 'Get a client secret',
    answer: ClientSecretAnswerDto,
    refusals: [NO_IDENTITY, NO_SECRET, ...boundaryRefusals(GET_SECRET)],
  })
  async get(
    @Caller() caller: VerifiedAccessToken,
    @Param('identityId') identityId: string,
    @Param('clientSecretId') clientSecretId: string,
  ): Promise<ClientSecretAnswerDto> {
    return { clientSecretData: await this.reads.get(caller, identityId, clientSecretId) };
  }

  @Post(':clientSecretId/revoke')
  @Authorized('identity:delete-token', {
    event: 'revoke-identity-universal-auth-client-secret',
    summary: 'Revoke a client secret',
    description: 'Logins with this secret are refused. Tokens obtained with it are refused on their next use.',
    answer: ClientSecretAnswerDto,
    example: { clientSecretData: { isClientSecretRevoked: true } },
    refusals: [NO_IDENTITY, NO_SECRET, ...boundaryRefusals(REVOKE_SECRET), new LastAdministratorError()],
  })
  async revoke(
    @CurrentActor() actor: Actor,
    @Param('identityId') identityId: string,
    @Param('clientSecretId') clientSecretId: string,
  ): Promise<ClientSecretAnswerDto> {
    return { clientSecretData: await this.revocations.revoke(actor, identityId, clientSecretId) };
  }
}
