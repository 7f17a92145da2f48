import { Flag, ListOf, QueryInteger, QueryOneOf, Text, TrimmedText } from '../../common/dto/request-fields';

/** The most roles of one member. */
export const MOST_ROLES_OF_MEMBER = 50;

const IGNORED = 'Ignored unless `isTemporary` is true.';

export class AssignedRoleDto {
  @TrimmedText({
    description: 'The slug of a role: `admin`, `member`, `viewer`, `no-access`, or one that the project has made.',
    example: 'viewer',
    max: 64,
  })
  role!: string;

  @Flag({ description: 'Whether the role is held for a time only. Default: false.', example: false, optional: true })
  isTemporary?: boolean;

  @Text({ description: `\`relative\`. ${IGNORED}`, optional: true, nullable: true, min: 0, max: 64 })
  temporaryMode?: string | null;

  @Text({
    description: `For how long, such as \`30m\`, \`12h\` or \`7d\`. ${IGNORED}`,
    optional: true,
    nullable: true,
    min: 0,
    max: 64,
  })
  temporaryRange?: string | null;

  @Text({ description: `From when. ${IGNORED}`, optional: true, nullable: true, min: 0, max: 64 })
  temporaryAccessStartTime?: string | null;
}

const EXAMPLE_ROLES = [{ role: 'viewer', isTemporary: false }];

export class CreateMembershipDto {
  @TrimmedText({
    description: 'One permanent role, in place of `roles`. Default: `no-access`.',
    optional: true,
    max: 64,
  })
  role?: string;

  @ListOf(AssignedRoleDto, {
    description: 'The roles, in the order of their rules.',
    example: EXAMPLE_ROLES,
    optional: true,
    min: 1,
    max: MOST_ROLES_OF_MEMBER,
  })
  roles?: AssignedRoleDto[];
}

export class UpdateMembershipDto {
  @ListOf(AssignedRoleDto, {
    description: 'Replaces all roles. Their order is that of their rules.',
    example: EXAMPLE_ROLES,
    min: 1,
    max: MOST_ROLES_OF_MEMBER,
  })
  roles!: AssignedRoleDto[];
}

/** Where a page begins. */
class PlaceDto {
  @QueryInteger({
    description: 'How many members to skip. Use `cursor` to walk long lists.',
    min: 0,
    max: 2_147_483_647,
    example: 0,
  })
  offset?: number;

  @TrimmedText({
    description: 'Continues after the last member of a page: the `nextCursor` of that page.',
    optional: true,
    max: 2_000,
  })
  cursor?: string;
}

export class ListProjectMembersQueryDto extends PlaceDto {
  @QueryInteger({ description: 'How many members to return. Default: 20.', min: 1, max: 1_000, example: 20 })
  limit?: number;

  @TrimmedText({
    description: 'Only identities whose names contain this.',
    example: 'deploy',
    optional: true,
    max: 255,
  })
  identityName?: string;

  @TrimmedText({
    description: 'Only members with one of these roles: their slugs, with commas between them.',
    example: 'viewer,admin',
    optional: true,
    max: 1_000,
  })
  roles?: string;
}

export class ListOlderMembershipsQueryDto extends PlaceDto {
  @QueryInteger({ description: 'How many members to return. Default: 100.', min: 1, max: 20_000, example: 100 })
  limit?: number;

  @TrimmedText({
    description: 'Only identities whose names contain this.',
    example: 'deploy',
    optional: true,
    max: 255,
  })
  search?: string;

  @QueryOneOf(['name'], { description: 'The order of the members.', example: 'name' })
  orderBy?: 'name';

  @QueryOneOf(['asc', 'desc'], { description: 'The direction of the order. Default: `asc`.', example: 'asc' })
  orderDirection?: 'asc' | 'desc';
}
