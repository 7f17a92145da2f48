import { EXAMPLE } from '../../common/dto/examples';
import {
  ResponseId,
  ResponseObject,
  ResponseList,
  ResponseTime,
  ResponseTimeOrNull,
  ResponseText,
  ResponseTextOrNull,
  ResponseFlag,
  ResponseObjectIfAny,
} from '../../common/dto/response-fields';
import { ApiProperty } from '@nestjs/swagger';
import { OrganizationDto } from '../../organizations/dto/organization.dtos';
import { MembershipRoleDto } from '../../roles/dto/role.dtos';
import type { IdentityMetadata } from '../../database/entities/identity-metadata.entity';
import type { Identity } from '../../database/entities/identity.entity';
import type { OrganizationMembership } from '../../database/entities/organization-membership.entity';

export class MetadataDto {
  @ResponseId('The id of the label.', EXAMPLE.metadataId)
  id!: string;

  @ResponseText('The key of the label.', 'team')
  key!: string;

  @ResponseText('The value of the label.', 'infra')
  value!: string;

  static of({ id, key, value }: IdentityMetadata): MetadataDto {
    return { id, key, value };
  }
}

/** A machine identity. */
export class DeletedIdentityDto {
  @ResponseId('The id of the identity.', EXAMPLE.identityId)
  id!: string;

  @ResponseText('The name of the identity.', 'deployer')
  name!: string;

  @ResponseTextOrNull('Always null; see `authMethods`.', null)
  authMethod!: string | null;

  @ResponseTime('When the identity was created.')
  createdAt!: Date;

  @ResponseTime('When the identity was last changed.')
  updatedAt!: Date;

  @ResponseFlag('Whether deletion is refused.')
  hasDeleteProtection!: boolean;

  @ResponseId('The organization of the identity.', EXAMPLE.organizationId)
  orgId!: string;

  @ResponseTextOrNull('Always null, because identities belong to organizations.', null)
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
  @ApiProperty({ description: 'The attached auth methods.', type: [String], example: ['token-auth'] })
  authMethods!: string[];

  @ResponseList(() => MetadataDto, 'The labels.')
  metadata!: MetadataDto[];
}

export class IdentityAnswerDto {
  @ResponseObject(() => IdentityDto, 'The identity.')
  identity!: IdentityDto;
}

export class DeletedIdentityAnswerDto {
  @ResponseObject(() => DeletedIdentityDto, 'The deleted identity.')
  identity!: DeletedIdentityDto;
}

export class MemberIdentityDto {
  @ResponseId('The id of the identity.', EXAMPLE.identityId)
  id!: string;

  @ResponseText('The name of the identity.', 'deployer')
  name!: string;

  @ResponseFlag('Whether deletion is refused.')
  hasDeleteProtection!: boolean;

  @ResponseId('The organization of the identity.', EXAMPLE.organizationId)
  orgId!: string;

  @ApiProperty({ description: 'The attached auth methods.', type: [String], example: ['token-auth'] })
  authMethods!: string[];

  @ResponseTime('When the identity was created.')
  createdAt!: Date;

  @ResponseTime('When the identity was last changed.')
  updatedAt!: Date;

  static of(identity: Identity, authMethods: string[]): MemberIdentityDto {
    const { id, name, hasDeleteProtection, organizationId, createdAt, updatedAt } = identity;
    return { id, name, hasDeleteProtection, orgId: organizationId, authMethods, createdAt, updatedAt };
  }
}

/** An identity as a member of its organization. */
export class MembershipDto {
  @ResponseId('The id of the membership.', EXAMPLE.membershipId)
  id!: string;

  @ResponseText('The slug of a built-in role; `custom` for a role that the organization has made.', 'member')
  role!: string;

  @ResponseTextOrNull('The id of a custom role; null for a built-in one.', null)
  roleId!: string | null;

  @ResponseId('The organization.', EXAMPLE.organizationId)
  orgId!: string;

  @ResponseTime('When the identity became a member.')
  createdAt!: Date;

  @ResponseTime('When the membership was last changed.')
  updatedAt!: Date;

  @ResponseId('The identity.', EXAMPLE.identityId)
  identityId!: string;

  @ResponseTextOrNull('The auth method that last issued a token to it.', 'token-auth')
  lastLoginAuthMethod!: string | null;

  @ResponseTimeOrNull('When a token was last issued to it.', EXAMPLE.usedAt)
  lastLoginTime!: Date | null;

  @ResponseObject(() => MemberIdentityDto, 'The identity itself.')
  identity!: MemberIdentityDto;

  @ResponseObjectIfAny(() => MembershipRoleDto, 'Present if the role is one that the organization has made.')
  customRole?: MembershipRoleDto;

  static of(membership: OrganizationMembership, identity: Identity, authMethods: string[]): MembershipDto {
    return {
      id: membership.id,
      role: membership.role,
      roleId: membership.customRoleId,
      orgId: membership.organizationId,
      createdAt: membership.createdAt,
      updatedAt: membership.updatedAt,
      identityId: membership.identityId,
      lastLoginAuthMethod: membership.lastLoginAuthMethod,
      lastLoginTime: membership.lastLoginAt,
      identity: MemberIdentityDto.of(identity, authMethods),
      ...(membership.customRole ? { customRole: MembershipRoleDto.of(membership.customRole) } : {}),
    };
  }
}

export class DetailedMemberIdentityDto extends MemberIdentityDto {
  @ApiProperty({ description: 'The auth methods that are locked now.', type: [String], example: [] })
  activeLockoutAuthMethods!: string[];
}

export class DetailedMembershipDto extends MembershipDto {
  @ResponseList(() => MetadataDto, 'The labels of the identity.')
  metadata!: MetadataDto[];

  @ResponseObject(() => DetailedMemberIdentityDto, 'The identity itself.')
  declare identity: DetailedMemberIdentityDto;
}

export class MembershipAnswerDto {
  @ResponseObject(() => DetailedMembershipDto, 'The identity as a member of its organization.')
  identity!: DetailedMembershipDto;
}

export class IdentityDetailsDto {
  @ResponseObject(() => OrganizationDto, 'The organization of the token.')
  organization!: OrganizationDto;
}

export class IdentityDetailsAnswerDto {
  @ResponseObject(() => IdentityDetailsDto, 'The identity of the token.')
  identityDetails!: IdentityDetailsDto;
}
