import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { Clock } from '../common/clock/clock';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { DetailedMembershipDto, MembershipDto, MetadataDto } from './dto/identity.dtos';
import { IdentityDirectoryService } from './identity-directory.service';
import { IdentityMetadata } from '../database/entities/identity-metadata.entity';
import { ManagedIdentitiesService } from './managed-identities.service';

/** Reads one identity with what belongs to it. */
@Injectable()
export class IdentityReadsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentitiesService,
    private readonly directory: IdentityDirectoryService,
    private readonly clock: Clock,
  ) {}

  /** @throws IdentityNotFoundError */
  async get(caller: VerifiedAccessToken, identityId: string): Promise<DetailedMembershipDto> {
    const { identity, membership } = await this.managed.get(this.dataSource.manager, caller, identityId);
    const { authMethods, metadata } = await this.belongings(identity.id);
    const described = MembershipDto.of(membership, identity, authMethods);
    const activeLockoutAuthMethods = await this.directory.lockedMethodsOf(identity.id, this.clock.now());
    return { ...described, identity: { ...described.identity, activeLockoutAuthMethods }, metadata };
  }

  /** The auth methods and labels of an identity. */
  async belongings(identityId: string): Promise<{ authMethods: string[]; metadata: MetadataDto[] }> {
    const methods = await this.directory.authMethodsOf([identityId]);
    const rows = await this.dataSource.manager.find(IdentityMetadata, {
      where: { identityId },
      order: { position: 'ASC' },
    });
    return { authMethods: methods.get(identityId) ?? [], metadata: rows.map(MetadataDto.of) };
  }
}
