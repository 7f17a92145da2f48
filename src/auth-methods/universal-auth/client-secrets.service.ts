import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { type DataSource, type EntityManager } from 'typeorm';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { Clock } from '../../common/clock/clock';
import { type ListPart, PART_SIZE } from '../../common/http/long-answer';
import type { PageDto, PageQueryDto } from '../../common/http/page';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { ListReads } from '../../database/list-reads';
import { readPage } from '../../database/read-page';
import { inSchemaOf } from '../../database/schema';
import { ManagedIdentitiesService } from '../../identities/managed-identities.service';
import { ChangesService } from '../../changes/changes.service';
import type { Attempt } from '../../permissions/permissions.service';
import { AuthMethodConfigurationsService } from '../configuration/auth-method-configurations.service';
import { ClientSecretHasher } from './client-secret.hasher';
import { ClientSecretStore } from './client-secret.store';
import { ClientSecret } from '../../database/entities/client-secret.entity';
import type { Actor } from '../../changes/change';
import { requireSecret, secretTarget } from './client-secret-revocations.service';
import { ClientSecretDto, type CreateClientSecretDto, type CreatedClientSecretDto } from './dto/client-secret.dtos';
import { UNIVERSAL_AUTH } from './universal-auth.definition';
import { MAX_CLIENT_SECRETS, TooManyClientSecretsError } from './universal-auth.errors';

const PREFIX_LENGTH = 4;

export const CREATE_SECRET: Attempt = {
  what: 'create client secret for identity',
  permission: 'identity:create-token',
};
export const LIST_SECRETS: Attempt = { what: 'list client secrets of identity', permission: 'identity:get-token' };
export const GET_SECRET: Attempt = { what: 'get client secret of identity', permission: 'identity:get-token' };

/** The client secrets of a client, for the managers of its identity. */
@Injectable()
export class ClientSecretsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentitiesService,
    private readonly changes: ChangesService,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly store: ClientSecretStore,
    private readonly hasher: ClientSecretHasher,
    private readonly clock: Clock,
    private readonly reads: ListReads,
  ) {}

  /** @throws IdentityNotFoundError, AuthMethodNotConfiguredError, TooManyClientSecretsError */
  async create(
    actor: Actor,
    identityId: string,
    { description = '', numUsesLimit = 0, ttl = 0 }: CreateClientSecretDto,
  ): Promise<CreatedClientSecretDto> {
    const clientSecret = randomBytes(32).toString('hex');
    const [hash] = this.hasher.hashesOf(clientSecret);
    const prefix = clientSecret.slice(0, PREFIX_LENGTH);
    const action = 'create-identity-universal-auth-client-secret';
    const secret = await this.changes.add({ actor, action }, async (work) => {
      const { tx, run } = work;
      const { identity } = await this.managed.getForChange(tx, actor.caller, identityId, CREATE_SECRET);
      const { id: authMethodId } = await this.configurations.require(tx, UNIVERSAL_AUTH, identity.id);
      await requireRoom(tx, authMethodId);
      const owner = { identityId: identity.id, authMethodId };
      const made = { ...owner, hash, prefix, description, numUsesLimit, ttl, createdAt: this.clock.now() };
      const saved = await this.store.insert(run, made);
      work.changed(secretTarget(saved, identity));
      return saved;
    });
    return { clientSecret, clientSecretData: ClientSecretDto.of(secret) };
  }

  /**
   * Lists the secrets that are not revoked, at most a page of them. @throws IdentityNotFoundError, AuthMethodNotConfiguredError
   */
  list(
    caller: VerifiedAccessToken,
    identityId: string,
    query: PageQueryDto,
    mostCounted?: number,
  ): Promise<PageDto & ListPart<ClientSecretDto>> {
    return this.reads.read(caller.organization.id, async (tx) => {
      const { identity } = await this.managed.getManageable(tx, caller, identityId, LIST_SECRETS);
      const { id } = await this.configurations.require(tx, UNIVERSAL_AUTH, identity.id);
      const all = tx
        .createQueryBuilder(ClientSecret, 's')
        .where('s.authMethodId = :id AND s.revokedAt IS NULL', { id });
      const { page, ...rest } = await readPage(tx, all, query, { unpaged: PART_SIZE, mostCounted });
      return { items: page.map(ClientSecretDto.of), ...rest };
    });
  }

  /** @throws IdentityNotFoundError, ClientSecretNotFoundError */
  async get(caller: VerifiedAccessToken, identityId: string, clientSecretId: string): Promise<ClientSecretDto> {
    const { manager } = this.dataSource;
    const { identity } = await this.managed.getManageable(manager, caller, identityId, GET_SECRET);
    return ClientSecretDto.of(await requireSecret(manager, identity.id, clientSecretId));
  }
}

/** The lock on the membership makes the count exact. @throws TooManyClientSecretsError */
async function requireRoom(tx: EntityManager, authMethodId: string): Promise<void> {
  const [{ count }] = await tx.query<[{ count: number }]>(inSchemaOf(tx, COUNT), [authMethodId]);
  if (count >= MAX_CLIENT_SECRETS) throw new TooManyClientSecretsError();
}

const COUNT = `
  SELECT count(*)::integer FROM latchkey.client_secrets WHERE auth_method_id = $1 AND revoked_at IS NULL`;
