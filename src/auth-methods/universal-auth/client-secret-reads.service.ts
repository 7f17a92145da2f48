import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { type DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { Clock } from '../../common/clock/clock';
import { type ListPart, PART_SIZE } from '../../common/http/long-answer';
import type { PageDto, PageQueryDto } from '../../common/http/page';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { ListReads } from '../../database/list-reads';
import { readPage } from '../../database/read-page';
import { ManagedIdentitiesService } from '../../identities/managed-identities.service';
import type { Attempt } from '../../permissions/permissions.service';
import { AuthMethodConfigurationsService } from '../configuration/auth-method-configurations.service';
import { ClientSecret } from '../../database/entities/client-secret.entity';
import { requireSecret } from './client-secret-revocations.service';
import { ClientSecretDto } from './dto/client-secret.dtos';
import { UNIVERSAL_AUTH } from './universal-auth.definition';

export const LIST_SECRETS: Attempt = { what: 'list client secrets of identity', permission: 'identity:get-token' };
export const GET_SECRET: Attempt = { what: 'get client secret of identity', permission: 'identity:get-token' };

/** Reads the client secrets of an identity, for its managers. */
@Injectable()
export class ClientSecretReadsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentitiesService,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly reads: ListReads,
    private readonly clock: Clock,
  ) {}

  /**
   * Lists the secrets that are neither revoked nor replaced for good, at most a page of them. @throws IdentityNotFoundError, AuthMethodNotConfiguredError
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
        .where('s.authMethodId = :id AND s.revokedAt IS NULL', { id })
        .andWhere('(s.endsAt IS NULL OR s.endsAt > :now)', { now: this.clock.now() });
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
