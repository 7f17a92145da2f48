import { EXAMPLE } from '../../common/dto/examples';
import { ResponseList } from '../../common/dto/response-fields';
import {
  Integer,
  ListOf,
  ObjectOf,
  OneOf,
  QueryInteger,
  QueryOneOf,
  TrimmedText,
} from '../../common/dto/request-fields';
import { emptied, listCut, objectCut } from '../../common/dto/cut';
import { field, type FieldOptions, type Rule } from '../../common/dto/rules';
import { PageDto, PageQueryDto } from '../../common/http/page';
import { ORGANIZATION } from './identity-input.dtos';
import { MembershipDto } from './identity.dtos';

export const ORDER_FIELDS = ['name', 'role'] as const;
export const DIRECTIONS = ['asc', 'desc'] as const;

export class ListIdentitiesQueryDto extends PageQueryDto {
  @TrimmedText({ description: ORGANIZATION, example: EXAMPLE.organizationId, max: 64 })
  orgId!: string;
}

export class IdentityListDto extends PageDto {
  @ResponseList(() => MembershipDto, 'The identities, newest first.')
  identities!: MembershipDto[];
}

export class IdentitySearchResultDto extends PageDto {
  @ResponseList(() => MembershipDto, 'The identities found.')
  identities!: MembershipDto[];
}

export class MembershipListDto extends PageDto {
  @ResponseList(() => MembershipDto, 'The identities found.')
  identityMemberships!: MembershipDto[];
}

/** A comparison of a text: a text for equality, or one of `$eq`, `$contains` and `$in`. */
export type TextFilter = string | { $eq?: string; $contains?: string; $in?: string[] };

const MAX_CHOICES = 100;
const isSearchText = (value: unknown) => typeof value === 'string' && /^[\p{L}\p{M}\p{N} _/-]{1,255}$/u.test(value);

/** One more than the number of operators, so that an unknown one is seen. */
const filterCut = objectCut((value) => {
  const operations = Object.entries(value).slice(0, 4);
  return Object.fromEntries(
    operations.map(([operator, operand]) => [operator, listCut(MAX_CHOICES, emptied)(operand)]),
  );
});

function TextFilterField(operators: readonly string[], options: FieldOptions): PropertyDecorator {
  const isOperation = ([operator, value]: [string, unknown]) =>
    operators.includes(operator) &&
    (operator === '$in'
      ? Array.isArray(value) && value.length >= 1 && value.length <= MAX_CHOICES && value.every(isSearchText)
      : isSearchText(value));
  const holds = (value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return isSearchText(value);
    const entries = Object.entries(value);
    return entries.length > 0 && entries.every(isOperation);
  };
  const message = `Expected 1 to 255 letters, digits, spaces, _, - or /, or an object of ${operators.join(', ')} with such text`;
  const rule: Rule = { name: 'filter', code: 'invalid_string', holds, message: () => message };
  return field([rule], options, { oneOf: [{ type: 'string' }, { type: 'object' }] }, filterCut);
}

export class IdentityConditionDto {
  @TextFilterField(['$eq', '$contains', '$in'], {
    description: 'Matches the name: a text for the whole name, or an operator such as `$contains`.',
    example: { $contains: 'deploy' },
    optional: true,
  })
  name?: TextFilter;

  @TextFilterField(['$eq', '$in'], { description: 'Matches the role.', example: 'member', optional: true })
  role?: TextFilter;
}

export class IdentityFilterDto extends IdentityConditionDto {
  @ListOf(IdentityConditionDto, {
    description: 'At least one of these must match as well.',
    optional: true,
    min: 1,
    max: 20,
  })
  $or?: IdentityConditionDto[];
}

/** The cursor contains a name, which may be long. */
const SEARCH_CURSOR = {
  description: 'Continues after the last item of a page in the same order: the `nextCursor` of that page.',
  optional: true,
  max: 2_048,
};

export class SearchIdentitiesDto {
  @ObjectOf(() => IdentityFilterDto, {
    description: 'The conditions. Default: every identity matches.',
    optional: true,
  })
  search?: IdentityFilterDto;

  @OneOf(ORDER_FIELDS, { description: 'The field to sort by. Default: `name`.', example: 'name', optional: true })
  orderBy?: (typeof ORDER_FIELDS)[number];

  @OneOf(DIRECTIONS, { description: 'The direction. Default: `asc`.', example: 'asc', optional: true })
  orderDirection?: (typeof DIRECTIONS)[number];

  @Integer({ description: 'How many items to return. Default: 50.', example: 20, optional: true, min: 1, max: 100 })
  limit?: number;

  @Integer({
    description: 'How many items to skip. Default: 0.',
    example: 0,
    optional: true,
    min: 0,
    max: 2_147_483_647,
  })
  offset?: number;

  @TrimmedText(SEARCH_CURSOR)
  cursor?: string;
}

export class ListMembershipsQueryDto {
  @QueryInteger({ description: 'How many items to skip. Default: 0.', min: 0, max: 2_147_483_647, example: 0 })
  offset?: number;

  @QueryInteger({ description: 'How many items to return. Default: 100.', min: 1, max: 20_000, example: 100 })
  limit?: number;

  @QueryOneOf(ORDER_FIELDS, { description: 'The field to sort by. Default: `name`.', example: 'name' })
  orderBy?: (typeof ORDER_FIELDS)[number];

  @QueryOneOf(DIRECTIONS, { description: 'The direction. Default: `asc`.', example: 'asc' })
  orderDirection?: (typeof DIRECTIONS)[number];

  @TrimmedText({ description: 'A part of the name.', example: 'deploy', optional: true, max: 255 })
  search?: string;

  @TrimmedText(SEARCH_CURSOR)
  cursor?: string;
}
