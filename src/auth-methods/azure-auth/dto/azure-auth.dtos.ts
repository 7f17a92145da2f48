import { Description, TrimmedText } from '../../../common/dto/request-fields';
import { ResponseObject, ResponseText } from '../../../common/dto/response-fields';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';
import { AuthMethodDto } from '../../configuration/dto/auth-method.dto';
import { PeriodicPolicyDto } from '../../configuration/dto/periodic-policy.dto';
import type { AzureAuthConfig } from '../azure-auth.config';
import { AZURE_EXAMPLE } from '../azure-auth.examples';

const TENANT = { description: 'The id of the tenant.', example: AZURE_EXAMPLE.tenant, max: 255 };
const RESOURCE = {
  description: 'The audience of the tokens. A slash at the end makes no difference.',
  example: AZURE_EXAMPLE.resource,
  max: 2_048,
};
const PRINCIPALS =
  'Object ids of service principals, separated by commas: the token must be of one of them. Empty for any, only with a resource of your own.';

class AzureSettingsDto extends PeriodicPolicyDto {
  @Description({
    description: PRINCIPALS,
    example: AZURE_EXAMPLE.principals,
    max: 4_096,
    optional: true,
    nullable: true,
  })
  allowedServicePrincipalIds?: string | null;
}

export class AttachAzureAuthDto extends AzureSettingsDto {
  @TrimmedText(TENANT)
  tenantId!: string;

  @TrimmedText(RESOURCE)
  resource!: string;
}

export class UpdateAzureAuthDto extends AzureSettingsDto {
  @TrimmedText({ ...TENANT, optional: true })
  tenantId?: string;

  @TrimmedText({ ...RESOURCE, optional: true })
  resource?: string;
}

export class AzureAuthDto extends AuthMethodDto {
  @ResponseText(TENANT.description, TENANT.example)
  tenantId!: string;

  @ResponseText(RESOURCE.description, RESOURCE.example)
  resource!: string;

  @ResponseText('The service principals of one of which the token must be; empty for any.', AZURE_EXAMPLE.principals)
  allowedServicePrincipalIds!: string;

  static show(row: IdentityAuthMethod): AzureAuthDto {
    return { ...AuthMethodDto.of(row), ...(row.config as AzureAuthConfig) };
  }
}

export class AzureAuthAnswerDto {
  @ResponseObject(() => AzureAuthDto, 'Which service principals log in, and how the tokens behave that they get.')
  identityAzureAuth!: AzureAuthDto;
}
