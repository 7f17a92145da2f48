import { ApiProperty } from '@nestjs/swagger';
import { AccessTokenDto } from '../../access-tokens/api/dto/access-token.dtos';
import { EXAMPLE } from '../../common/dto/examples';
import { QueryInteger, QueryOneOf, QueryTime, TrimmedText } from '../../common/dto/request-fields';
import { ResponseList, ResponseObject, ResponseText, ResponseTimeOrNull } from '../../common/dto/response-fields';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../../common/http/page';

/** The states of a token, of any auth method. */
export const TOKEN_STATUSES = ['live', 'used-up', 'disabled', 'expired', 'revoked'] as const;
export type TokenStatus = (typeof TOKEN_STATUSES)[number];

export class ListManagedTokensQueryDto {
  @QueryOneOf(['live', 'expired', 'all'], {
    description:
      'Without `identityId`, `live` (the default) is ordered by the end, the next one first, and `expired` by the end, the latest first. With `identityId`, `all` (the default) has the revoked ones too, newest first.',
  })
  status?: 'live' | 'expired' | 'all';

  @TrimmedText({ description: 'Only the tokens of one identity.', optional: true, max: 64 })
  identityId?: string;

  @TrimmedText({ description: 'Only the tokens of one auth method, by its slug.', optional: true, max: 64 })
  authMethod?: string;

  @TrimmedText({ description: 'The beginning of a name, or an id.', optional: true, max: 255 })
  search?: string;

  @QueryTime({ description: 'Only tokens that end before.' })
  endsBefore?: string;

  @QueryTime({ description: 'Only tokens that were made before, and not used since.' })
  unusedSince?: string;

  @QueryInteger({ description: 'The most tokens to return.', min: 1, max: MAX_PAGE_SIZE, example: DEFAULT_PAGE_SIZE })
  limit?: number;

  @TrimmedText({
    description: 'Continues after a page: the `nextCursor` of that page.',
    optional: true,
    max: 200,
  })
  cursor?: string;
}

export class ManagedTokenDto extends AccessTokenDto {
  @ResponseText('The name of the identity.', 'deployer')
  identityName!: string;

  @ApiProperty({ description: 'The state of the token.', type: String, enum: [...TOKEN_STATUSES], example: 'live' })
  status!: TokenStatus;

  @ResponseTimeOrNull('When the token ends, also when another one takes its place; null if never.', EXAMPLE.createdAt)
  accessTokenExpiresAt!: Date | null;

  @ResponseTimeOrNull('Until when the token can be renewed at most; null for no limit.', EXAMPLE.createdAt)
  accessTokenRenewableUntil!: Date | null;

  @ResponseTimeOrNull('When the token was revoked, or its auth method was removed.')
  accessTokenRevokedAt!: Date | null;
}

export class ManagedTokenListDto {
  @ResponseList(() => ManagedTokenDto, 'The tokens.')
  accessTokens!: ManagedTokenDto[];

  @ApiProperty({
    description:
      'The start of the next page; null on the last page. With a filter, a page may be short: each call looks at 1000 tokens at most.',
    type: String,
    nullable: true,
    example: null,
  })
  nextCursor!: string | null;
}

export class ManagedTokenAnswerDto {
  @ResponseObject(() => ManagedTokenDto, 'The token.')
  accessToken!: ManagedTokenDto;
}
