import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE } from '../../common/dto/examples';
import {
  ResponseFlag,
  ResponseId,
  ResponseInteger,
  ResponseList,
  ResponseObject,
  ResponseText,
  ResponseTextOrNull,
  ResponseTime,
} from '../../common/dto/response-fields';
import type { Project } from '../project.store';

const HINT = 'A hint for clients.';

export class ProjectEnvironmentDto {
  @ApiProperty({ description: 'The id of the environment.', type: String })
  id!: string;

  @ApiProperty({ description: 'The name of the environment.', type: String })
  name!: string;

  @ApiProperty({ description: 'The slug of the environment.', type: String })
  slug!: string;
}

export class ProjectDto {
  @ResponseId('The id of the project.', EXAMPLE.projectId)
  id!: string;

  @ResponseId('The same, where older clients look for it.', EXAMPLE.projectId)
  _id!: string;

  @ResponseText('The name of the project.', 'Billing')
  name!: string;

  @ResponseText('The slug of the project.', 'billing-x4k2')
  slug!: string;

  @ResponseTextOrNull('The purpose of the project.', 'Invoices and payments.')
  description!: string | null;

  @ResponseText('The type of the project.', 'secret-manager')
  type!: 'secret-manager';

  @ResponseTextOrNull(HINT, null)
  defaultProduct!: string | null;

  @ResponseId('The organization of the project.', EXAMPLE.organizationId)
  orgId!: string;

  @ResponseFlag(HINT)
  autoCapitalization!: boolean;

  @ResponseInteger('The version of the form of the data.', 3)
  version!: number;

  @ResponseTextOrNull(HINT, null)
  upgradeStatus!: string | null;

  @ResponseInteger(HINT, 10)
  pitVersionLimit!: number;

  @ResponseTextOrNull(HINT, null)
  kmsCertificateKeyId!: string | null;

  @ResponseTextOrNull(HINT, null)
  kmsSecretManagerKeyId!: string | null;

  @ApiProperty({ description: HINT, type: 'integer', nullable: true, example: null })
  auditLogsRetentionDays!: number | null;

  @ResponseFlag('Whether deletion is refused.')
  hasDeleteProtection!: boolean;

  @ResponseFlag(HINT, true)
  secretSharing!: boolean;

  @ResponseFlag(HINT)
  showSnapshotsLegacy!: boolean;

  @ApiProperty({ description: HINT, type: Object, nullable: true, example: null })
  secretDetectionIgnoreValues!: null;

  @ResponseFlag(HINT)
  enforceEncryptedSecretManagerSecretMetadata!: boolean;

  @ResponseTime('When the project was created.')
  createdAt!: Date;

  @ResponseTime('When the project was last changed.')
  updatedAt!: Date;

  @ResponseList(() => ProjectEnvironmentDto, 'The environments. A project has none yet.', [])
  environments!: ProjectEnvironmentDto[];

  static of({ organizationId, settings, ...project }: Project): ProjectDto {
    return {
      ...DEFAULTS,
      ...settings,
      ...project,
      _id: project.id,
      orgId: organizationId,
      environments: [],
    };
  }
}

const DEFAULTS = {
  type: 'secret-manager',
  defaultProduct: null,
  autoCapitalization: false,
  version: 3,
  upgradeStatus: null,
  pitVersionLimit: 10,
  kmsCertificateKeyId: null,
  kmsSecretManagerKeyId: null,
  auditLogsRetentionDays: null,
  secretSharing: true,
  showSnapshotsLegacy: false,
  secretDetectionIgnoreValues: null,
  enforceEncryptedSecretManagerSecretMetadata: false,
} as const;

export class ProjectAnswerDto {
  @ResponseObject(() => ProjectDto, 'The project.')
  project!: ProjectDto;
}

export class WorkspaceAnswerDto {
  @ResponseObject(() => ProjectDto, 'The project.')
  workspace!: ProjectDto;
}

class NextCursorDto {
  @ApiProperty({
    description: 'The start of the next page; null on the last page.',
    type: String,
    nullable: true,
    example: null,
  })
  nextCursor!: string | null;
}

export class ProjectListDto extends NextCursorDto {
  @ResponseList(() => ProjectDto, 'The projects that you are in, in the order of their ids.')
  projects!: ProjectDto[];
}

export class WorkspaceListDto extends NextCursorDto {
  @ResponseList(() => ProjectDto, 'The projects that you are in, in the order of their ids.')
  workspaces!: ProjectDto[];
}
