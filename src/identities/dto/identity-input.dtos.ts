import { Flag, ListOf, Name, TrimmedText } from '../../common/dto/request-fields';
import { EXAMPLE } from '../../common/dto/examples';

export class MetadataInputDto {
  @TrimmedText({ description: 'The key of the label.', example: 'team', max: 255 })
  key!: string;

  @TrimmedText({ description: 'The value of the label.', example: 'infra', max: 1020 })
  value!: string;
}

/** The place to find a value, for fields without an example that works. */
export const ORGANIZATION =
  'The id of your organization: `identityDetails.organization.id` of "Get the current identity".';

export class CreateIdentityDto {
  @Name({ description: 'The name of the identity.', example: 'deployer' })
  name!: string;

  @TrimmedText({ description: ORGANIZATION, example: EXAMPLE.organizationId, max: 64 })
  organizationId!: string;

  @TrimmedText({
    description:
      'The role of the identity: `admin`, `member`, `no-access`, or the slug of a role that your organization has made. Default: `no-access`.',
    example: 'member',
    optional: true,
    max: 64,
  })
  role?: string;

  @Flag({ description: 'Whether deletion is refused. Default: false.', example: false, optional: true })
  hasDeleteProtection?: boolean;

  @ListOf(MetadataInputDto, { description: 'Your own labels.', optional: true, min: 0, max: 100 })
  metadata?: MetadataInputDto[];
}

/** A field that is left out keeps its value. */
export class UpdateIdentityDto {
  @Name({ description: 'The name of the identity.', example: 'deployer-eu', optional: true })
  name?: string;

  @TrimmedText({
    description:
      'The role of the identity: `admin`, `member`, `no-access`, or the slug of a role that your organization has made.',
    example: 'member',
    optional: true,
    max: 64,
  })
  role?: string;

  @Flag({ description: 'Whether deletion is refused.', example: false, optional: true })
  hasDeleteProtection?: boolean;

  @ListOf(MetadataInputDto, { description: 'Replaces all labels.', optional: true, min: 0, max: 100 })
  metadata?: MetadataInputDto[];
}
