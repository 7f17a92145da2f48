import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { Description, Flag, Integer, QueryInteger, Text, TrimmedText } from '../../common/dto/request-fields';
import { field, type FieldOptions, isString, lengthBetween, matches } from '../../common/dto/rules';

/** A slug. An empty one counts as none: Terraform sends it. */
function ProjectSlug(min: number, max: number, options: FieldOptions): PropertyDecorator {
  const form = matches(
    /^[a-z0-9]+([_-][a-z0-9]+)*$/,
    'Expected letters from a to z and digits, with single hyphens or underscores between them',
  );
  const read = ({ value }: { value: unknown }) => {
    if (typeof value !== 'string') return value;
    const text = value.trim();
    return text === '' ? undefined : text;
  };
  const rules = [isString, ...lengthBetween(min, max), form];
  return applyDecorators(Transform(read), field(rules, options, { type: String, minLength: min, maxLength: max }));
}

function ProjectName(options: FieldOptions): PropertyDecorator {
  return TrimmedText({ ...options, max: 64 });
}

export class CreateProjectDto {
  @ProjectName({ description: 'The name of the project.', example: 'Billing' })
  projectName!: string;

  @Description({
    description: 'The purpose of the project.',
    example: 'Invoices and payments.',
    optional: true,
    nullable: true,
    max: 1_024,
  })
  projectDescription?: string | null;

  @ProjectSlug(5, 36, { description: 'Default: from the name, with four random characters.', optional: true })
  slug?: string;

  @Text({
    description: 'The only type is `secret-manager`.',
    example: 'secret-manager',
    optional: true,
    min: 0,
    max: 64,
  })
  type?: string;

  @Text({ description: 'The only template is `default`.', example: 'default', optional: true, min: 0, max: 64 })
  template?: string;

  @Text({ description: 'There are no such keys: left out or empty.', example: '', optional: true, min: 0, max: 64 })
  kmsKeyId?: string;

  @Flag({ description: 'Whether deletion is refused. Default: false.', example: false, optional: true })
  hasDeleteProtection?: boolean;
}

/** A field that is left out keeps its value. */
export class UpdateProjectDto {
  @ProjectName({ description: 'The name of the project.', example: 'Billing', optional: true })
  name?: string;

  @Description({
    description: 'The purpose of the project. Null or an empty text clears it.',
    example: 'Invoices and payments.',
    optional: true,
    nullable: true,
    max: 1_024,
  })
  description?: string | null;

  @ProjectSlug(1, 64, { description: 'The slug of the project.', optional: true })
  slug?: string;

  @Flag({ description: 'Whether deletion is refused.', example: false, optional: true })
  hasDeleteProtection?: boolean;

  @Flag({ description: 'A hint for clients.', example: false, optional: true })
  autoCapitalization?: boolean;

  @Flag({ description: 'A hint for clients.', example: true, optional: true })
  secretSharing?: boolean;

  @Flag({ description: 'A hint for clients.', example: false, optional: true })
  showSnapshotsLegacy?: boolean;

  @Flag({ description: 'A hint for clients.', example: false, optional: true })
  enforceEncryptedSecretManagerSecretMetadata?: boolean;

  @Integer({ description: 'A hint for clients.', example: 10, optional: true, min: 1, max: 100 })
  pitVersionLimit?: number;
}

export class ListProjectsQueryDto {
  @QueryInteger({ description: 'How many projects to return. Default: all.', min: 1, max: 20_000, example: 20 })
  limit?: number;

  @TrimmedText({
    description: 'Only projects of this type. The only type is `secret-manager`.',
    example: 'secret-manager',
    optional: true,
    max: 64,
  })
  type?: string;

  @TrimmedText({
    description: 'Continues after the last project of a page: the `nextCursor` of that page.',
    optional: true,
    max: 200,
  })
  cursor?: string;
}
