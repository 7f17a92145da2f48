import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE } from '../../common/dto/examples';
import {
  ResponseFlag,
  ResponseId,
  ResponseList,
  ResponseObject,
  ResponseText,
  ResponseTextOrNull,
  ResponseTime,
  ResponseTimeOrNull,
} from '../../common/dto/response-fields';
import { PageDto } from '../../common/http/page';
import { MetadataDto } from '../../identities/dto/identity.dtos';
import type { MembershipRoleRow, MembershipRow } from '../project-membership.reads';
import { timeFieldsOf } from '../temporary-access';

/** The time of a grant. */
export class GrantTimeDto {
  @ResponseFlag('Whether it is held for a time only.')
  isTemporary!: boolean;

  @ResponseTextOrNull('`relative` for a temporary grant.', null)
  temporaryMode!: 'relative' | null;

  @ResponseTextOrNull('For how long, from its start.', null)
  temporaryRange!: string | null;

  @ResponseTimeOrNull('From when it counts.')
  temporaryAccessStartTime!: string | null;

  @ResponseTimeOrNull('Until when it counts.')
  temporaryAccessEndTime!: string | null;
}

export class ProjectMembershipRoleDto extends GrantTimeDto {
  @ResponseId('The id of the role among those of the membership.', EXAMPLE.metadataId)
  id!: string;

  @ResponseText('The slug of a built-in role; `custom` for one that the project has made.', 'viewer')
  role!: string;

  @ResponseTextOrNull('The id of a role that the project has made.', null)
  customRoleId!: string | null;

  @ResponseTextOrNull('Its name.', null)
  customRoleName!: string | null;

  @ResponseTextOrNull('Its slug.', null)
  customRoleSlug!: string | null;

  @ResponseTime('When the role was given.')
  createdAt!: Date;

  @ResponseTime('When the role was last changed.')
  updatedAt!: Date;

  static of({ range, startsMs, endsMs, createdMs, updatedMs, ...role }: MembershipRoleRow): ProjectMembershipRoleDto {
    const times = { createdAt: new Date(createdMs), updatedAt: new Date(updatedMs) };
    return { ...role, ...timeFieldsOf(range, startsMs, endsMs), ...times };
  }
}

export class ProjectMemberIdentityDto {
  @ResponseId('The id of the identity.', EXAMPLE.identityId)
  id!: string;

  @ResponseText('The name of the identity.', 'deployer')
  name!: string;

  @ResponseId('The organization of the identity.', EXAMPLE.organizationId)
  orgId!: string;

  @ResponseFlag('Whether deletion is refused.')
  hasDeleteProtection!: boolean;

  @ApiProperty({ description: 'The auth methods of the identity.', type: [String], example: [] })
  authMethods!: string[];
}

export class MemberOfProjectDto {
  @ResponseId('The id of the project.', EXAMPLE.projectId)
  id!: string;

  @ResponseText('The name of the project.', 'Billing')
  name!: string;

  @ResponseText('The type of the project.', 'secret-manager')
  type!: string;
}

export class ProjectMembershipDto {
  @ResponseId('The id of the membership.', EXAMPLE.membershipId)
  id!: string;

  @ResponseId('The id of the identity.', EXAMPLE.identityId)
  identityId!: string;

  @ResponseId('The id of the project.', EXAMPLE.projectId)
  projectId!: string;

  @ResponseList(() => ProjectMembershipRoleDto, 'The roles, in the order of their rules.')
  roles!: ProjectMembershipRoleDto[];

  @ResponseObject(() => ProjectMemberIdentityDto, 'The identity.')
  identity!: ProjectMemberIdentityDto;

  @ResponseObject(() => MemberOfProjectDto, 'The project.')
  project!: MemberOfProjectDto;

  @ResponseList(() => MetadataDto, 'The labels of the identity.')
  metadata!: MetadataDto[];

  @ResponseTextOrNull('The method by which the identity was last given a token.', null)
  lastLoginAuthMethod!: string | null;

  @ResponseTimeOrNull('When that was.')
  lastLoginTime!: Date | null;

  @ResponseTime('When the identity became a member.')
  createdAt!: Date;

  @ResponseTime('When the membership was last changed.')
  updatedAt!: Date;

  static of(row: MembershipRow): ProjectMembershipDto {
    const { id, identityId, projectId, metadata, lastLoginAuthMethod, createdAt, updatedAt } = row;
    const { identityName: name, organizationId: orgId, hasDeleteProtection, authMethods } = row;
    return {
      ...{ id, identityId, projectId, metadata, lastLoginAuthMethod, createdAt, updatedAt },
      lastLoginTime: row.lastLoginAt,
      roles: row.roles.map(ProjectMembershipRoleDto.of),
      identity: { id: identityId, name, orgId, hasDeleteProtection, authMethods },
      project: { id: projectId, name: row.projectName, type: 'secret-manager' },
    };
  }
}

export class ProjectMembershipAnswerDto {
  @ResponseObject(() => ProjectMembershipDto, 'The membership.')
  identityMembership!: ProjectMembershipDto;
}

export class ProjectMembershipListDto extends PageDto {
  @ResponseList(() => ProjectMembershipDto, 'The members that you may see.')
  identityMemberships!: ProjectMembershipDto[];
}

export class IdentityProjectsDto {
  @ResponseList(() => ProjectMembershipDto, 'The memberships, in the order of the ids of their projects.')
  identityMemberships!: ProjectMembershipDto[];

  @ApiProperty({ description: 'Always null: the list is whole.', type: String, nullable: true, example: null })
  nextCursor!: string | null;
}

export class OlderMembershipRoleDto extends ProjectMembershipRoleDto {
  @ResponseId('The id of the membership.', EXAMPLE.membershipId)
  projectMembershipId!: string;
}

export class OlderMembershipRolesDto {
  @ResponseList(() => OlderMembershipRoleDto, 'The roles, in the order of their rules.')
  roles!: OlderMembershipRoleDto[];
}
