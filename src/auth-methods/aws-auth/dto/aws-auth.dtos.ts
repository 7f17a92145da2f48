import { Description, OneOf, Text, TrimmedText } from '../../../common/dto/request-fields';
import { ResponseObject, ResponseText } from '../../../common/dto/response-fields';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';
import { AuthMethodDto } from '../../configuration/dto/auth-method.dto';
import { PeriodicPolicyDto } from '../../configuration/dto/periodic-policy.dto';
import { IdentityLoginDto } from '../../pipeline/dto/login.dto';
import { type AwsAuthConfig, DEFAULT_STS_ENDPOINT } from '../aws-auth.config';
import { AWS_EXAMPLE } from '../aws-auth.examples';

const ARNS =
  'ARNs of users and roles, separated by commas: the caller must be one of them. `*` stands for any characters. Empty for any.';
const ACCOUNTS =
  'Ids of AWS accounts, separated by commas: the caller must belong to one of them. Empty for any. One of the two lists must not be empty.';
const ENDPOINT = 'Kept for clients that expect it. Latchkey asks the STS for which a request is signed.';
const MAX_LIST = 4_096;
const clearable = { optional: true, nullable: true } as const;

class AwsSettingsDto extends PeriodicPolicyDto {
  @TrimmedText({ description: ENDPOINT, example: DEFAULT_STS_ENDPOINT, max: 2_048, ...clearable })
  stsEndpoint?: string | null;

  @Description({ description: ARNS, example: AWS_EXAMPLE.arns, max: MAX_LIST, ...clearable })
  allowedPrincipalArns?: string | null;

  @Description({ description: ACCOUNTS, example: AWS_EXAMPLE.accounts, max: MAX_LIST, ...clearable })
  allowedAccountIds?: string | null;
}

export class AttachAwsAuthDto extends AwsSettingsDto {}

export class UpdateAwsAuthDto extends AwsSettingsDto {}

export class AwsAuthLoginDto extends IdentityLoginDto {
  @OneOf(['POST'], { description: 'The method of the signed request. Default: POST.', example: 'POST', optional: true })
  iamHttpRequestMethod?: string;

  @Text({
    description: 'The body of the signed request in Base64: `Action=GetCallerIdentity&Version=2011-06-15`.',
    example: AWS_EXAMPLE.body,
    max: 1_024,
  })
  iamRequestBody!: string;

  @Text({
    description: 'The headers of the signed request: a JSON object with the value of each by its name, in Base64.',
    example: AWS_EXAMPLE.headers,
    max: 16_384,
  })
  iamRequestHeaders!: string;
}

export class AwsAuthDto extends AuthMethodDto {
  @ResponseText('Always `iam`.', 'iam', { enum: ['iam'] })
  type!: 'iam';

  @ResponseText(ENDPOINT, DEFAULT_STS_ENDPOINT)
  stsEndpoint!: string;

  @ResponseText('The ARNs of which the caller must have one; empty for any.', AWS_EXAMPLE.arns)
  allowedPrincipalArns!: string;

  @ResponseText('The accounts to one of which the caller must belong; empty for any.', AWS_EXAMPLE.accounts)
  allowedAccountIds!: string;

  static show(row: IdentityAuthMethod): AwsAuthDto {
    return { ...AuthMethodDto.of(row), type: 'iam', ...(row.config as AwsAuthConfig) };
  }
}

export class AwsAuthAnswerDto {
  @ResponseObject(() => AwsAuthDto, 'Which users and roles log in, and how the tokens behave that they get.')
  identityAwsAuth!: AwsAuthDto;
}
