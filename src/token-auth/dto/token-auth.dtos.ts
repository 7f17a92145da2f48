import { AccessTokenDto, SignedTokenDto } from '../../access-tokens/api/dto/access-token.dtos';
import { AccessTokenPolicyDto } from '../../access-tokens/issuing/dto/access-token-policy.dto';
import { AuthMethodDto } from '../../auth-methods/configuration/dto/auth-method.dto';
import { ResponseObject, ResponseList, ResponseInteger } from '../../common/dto/response-fields';
import { Name, OrganizationSlug } from '../../common/dto/request-fields';
import { PageDto } from '../../common/http/page';

export class AttachTokenAuthDto extends AccessTokenPolicyDto {}

export class UpdateTokenAuthDto extends AccessTokenPolicyDto {}

export class CreateTokenDto {
  @Name({ description: 'The name of the token, which says what it is for.', example: 'ci-runner', optional: true })
  name?: string;

  @OrganizationSlug()
  organizationSlug?: string;
}

/** A field that is left out keeps its value. */
export class UpdateTokenDto {
  @Name({ description: 'The name of the token, which says what it is for.', example: 'ci-runner-2', optional: true })
  name?: string;
}

export class TokenAuthDto extends AuthMethodDto {
  @ResponseInteger('Always 0, because tokens made by hand are not periodic.', 0)
  declare accessTokenPeriod: number;
}

export class TokenAuthAnswerDto {
  @ResponseObject(() => TokenAuthDto, 'The configuration: how the tokens of this identity behave.')
  identityTokenAuth!: TokenAuthDto;
}

export class IssuedTokenDto extends SignedTokenDto {
  @ResponseInteger('Lifetime in seconds over all renewals; 0 means no limit.', 86400)
  declare accessTokenMaxTTL: number;

  @ResponseObject(() => AccessTokenDto, 'The data of the token.')
  tokenData!: AccessTokenDto;
}

export class TokenAnswerDto {
  @ResponseObject(() => AccessTokenDto, 'The token.')
  token!: AccessTokenDto;
}

export class TokenListDto extends PageDto {
  @ResponseList(() => AccessTokenDto, 'The tokens, newest first, expired and revoked ones included.')
  tokens!: AccessTokenDto[];
}
