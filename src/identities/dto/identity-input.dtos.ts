import { Flag, ListOf, Name, TrimmedText } from '../../common/dto/request-fields';
import { EXAMPLE } from '../../common/dto/examples';

export class MetadataInputDto {
  @TrimmedText({ description: 'What the label is called.', example: 'team', max: 255 })
  key!: string;

  @TrimmedText({ description: 'What it says.', example: 'infra', max: 1020 })
  value!: string;
}

/** Where to find it, for those the document shows no example that works. */
export const ORGANIZATION = 'Your organization: `identityDetails.organization.id` of "Tell who you are".';

export class CreateIdentityDto {
  @Name({ description: 'The name of the identity.', example: 'deployer' })
  name!: string;

  @TrimmedText({ description: ORGANIZATION, example: EXAMPLE.organizationId, max: 64 })
  organizationId!: string;

  @TrimmedText({
    description: 'What the identity may do: `admin`, `member` or `no-access`. Left out: `no-access`.',
    example: 'member',
    optional: true,
    max: 64,
  })
  role?: string;

  @Flag({ description: 'Whether deleting is refused. Left out: false.', example: false, optional: true })
  hasDeleteProtection?: boolean;

  @ListOf(MetadataInputDto, { description: 'Labels of your own.', optional: true, min: 0, max: 100 })
  metadata?: MetadataInputDto[];
}

/** What is left out stays as it is. */
export class UpdateIdentityDto {
  @Name({ description: 'The name of the identity.', example: 'deployer-eu', optional: true })
  name?: string;

  @TrimmedText({
    description: 'What the identity may do: `admin`, `member` or `no-access`.',
    example: 'member',
    optional: true,
    max: 64,
  })
  role?: string;

  @Flag({ description: 'Whether deleting is refused.', example: false, optional: true })
  hasDeleteProtection?: boolean;

  @ListOf(MetadataInputDto, { description: 'Replaces all labels.', optional: true, min: 0, max: 100 })
  metadata?: MetadataInputDto[];
}
