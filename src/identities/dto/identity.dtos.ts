import { EXAMPLE } from '../../common/dto/examples';
import { Id, Part, Parts, Time, TimeOrNull, Words, WordsOrNull, YesNo } from '../../common/dto/answers';
import { ApiProperty } from '@nestjs/swagger';
import { OrganizationDto } from '../../organizations/dto/organization.dtos';
import type { IdentityMetadata } from '../identity-metadata.entity';
import type { Identity } from '../identity.entity';
import type { OrganizationMembership } from '../organization-membership.entity';

export class MetadataDto {
  @Id('The id of the label.', EXAMPLE.metadataId)
  id!: string;

  @Words('What the label is called.', 'team')
  key!: string;

  @Words('What it says.', 'infra')
  value!: string;

  static of({ id, key, value }: IdentityMetadata): MetadataDto {
    return { id, key, value };
  }
}

/** A machine identity. */
export class DeletedIdentityDto {
  @Id('The id of the identity.', EXAMPLE.identityId)
  id!: string;

  @Words('Its name.', 'deployer')
  name!: string;

  @WordsOrNull('Always null; see `authMethods`.', null)
  authMethod!: string | null;

  @Time('When it was made.')
  createdAt!: Date;

  @Time('When it was last changed.')
  updatedAt!: Date;

  @YesNo('Whether deleting it is refused.')
  hasDeleteProtection!: boolean;

  @Id('The organization it belongs to.', EXAMPLE.organizationId)
  orgId!: string;

  @WordsOrNull('Always null: identities belong to organizations.', null)
  projectId!: string | null;

  static of(identity: Identity): DeletedIdentityDto {
    const { id, name, createdAt, updatedAt, hasDeleteProtection, organizationId } = identity;
    return {
      id,
      name,
      authMethod: null,
      createdAt,
      updatedAt,
      hasDeleteProtection,
      orgId: organizationId,
      projectId: null,
    };
  }
}

export class IdentityDto extends DeletedIdentityDto {
  @ApiProperty({ description: 'The auth methods attached to it.', type: [String], example: ['token-auth'] })
  authMethods!: string[];

  @Parts(() => MetadataDto, 'Its labels.')
  metadata!: MetadataDto[];
}

export class IdentityAnswerDto {
  @Part(() => IdentityDto, 'The identity.')
  identity!: IdentityDto;
}

export class DeletedIdentityAnswerDto {
  @Part(() => DeletedIdentityDto, 'The identity as it was.')
  identity!: DeletedIdentityDto;
}

export class MemberIdentityDto {
  @Id('The id of the identity.', EXAMPLE.identityId)
  id!: string;

  @Words('Its name.', 'deployer')
  name!: string;

  @YesNo('Whether deleting it is refused.')
  hasDeleteProtection!: boolean;

  @Id('The organization it belongs to.', EXAMPLE.organizationId)
  orgId!: string;

  @ApiProperty({ description: 'The auth methods attached to it.', type: [String], example: ['token-auth'] })
  authMethods!: string[];

  @Time('When it was made.')
  createdAt!: Date;

  @Time('When it was last changed.')
  updatedAt!: Date;

  static of(identity: Identity, authMethods: string[]): MemberIdentityDto {
    const { id, name, hasDeleteProtection, organizationId, createdAt, updatedAt } = identity;
    return { id, name, hasDeleteProtection, orgId: organizationId, authMethods, createdAt, updatedAt };
  }
}

/** An identity as a member of its organization. */
export class MembershipDto {
  @Id('The id of the membership.', EXAMPLE.membershipId)
  id!: string;

  @Words('What the identity may do.', 'member')
  role!: string;

  @WordsOrNull('The id of a custom role; null for a built-in one.', null)
  roleId!: string | null;

  @Id('The organization.', EXAMPLE.organizationId)
  orgId!: string;

  @Time('When the identity became a member.')
  createdAt!: Date;

  @Time('When the membership was last changed.')
  updatedAt!: Date;

  @Id('The identity.', EXAMPLE.identityId)
  identityId!: string;

  @WordsOrNull('How a token was last issued to it.', 'token-auth')
  lastLoginAuthMethod!: string | null;

  @TimeOrNull('When a token was last issued to it.', EXAMPLE.usedAt)
  lastLoginTime!: Date | null;

  @Part(() => MemberIdentityDto, 'The identity itself.')
  identity!: MemberIdentityDto;

  static of(membership: OrganizationMembership, identity: Identity, authMethods: string[]): MembershipDto {
    return {
      id: membership.id,
      role: membership.role,
      roleId: null,
      orgId: membership.organizationId,
      createdAt: membership.createdAt,
      updatedAt: membership.updatedAt,
      identityId: membership.identityId,
      lastLoginAuthMethod: membership.lastLoginAuthMethod,
      lastLoginTime: membership.lastLoginAt,
      identity: MemberIdentityDto.of(identity, authMethods),
    };
  }
}

export class DetailedMemberIdentityDto extends MemberIdentityDto {
  @ApiProperty({ description: 'The auth methods locked at present.', type: [String], example: [] })
  activeLockoutAuthMethods!: string[];
}

export class DetailedMembershipDto extends MembershipDto {
  @Parts(() => MetadataDto, 'The labels of the identity.')
  metadata!: MetadataDto[];

  @Part(() => DetailedMemberIdentityDto, 'The identity itself.')
  declare identity: DetailedMemberIdentityDto;
}

export class MembershipAnswerDto {
  @Part(() => DetailedMembershipDto, 'The identity as a member of its organization.')
  identity!: DetailedMembershipDto;
}

export class IdentityDetailsDto {
  @Part(() => OrganizationDto, 'The organization the token speaks in.')
  organization!: OrganizationDto;
}

export class IdentityDetailsAnswerDto {
  @Part(() => IdentityDetailsDto, 'Who the token speaks for.')
  identityDetails!: IdentityDetailsDto;
}
