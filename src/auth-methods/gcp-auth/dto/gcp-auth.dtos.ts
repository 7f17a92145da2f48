import { Description, OneOf } from '../../../common/dto/request-fields';
import { ResponseObject, ResponseText } from '../../../common/dto/response-fields';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';
import { AuthMethodDto } from '../../configuration/dto/auth-method.dto';
import { PeriodicPolicyDto } from '../../configuration/dto/periodic-policy.dto';
import { GCP_TYPES, type GcpAuthConfig, type GcpType } from '../gcp-auth.config';
import { GCP_EXAMPLE } from '../gcp-auth.examples';

const TYPE =
  '`gce` for identity tokens that Google signs for workloads, `iam` for tokens that are signed with a key of a service account.';
const ACCOUNTS = 'E-mail addresses of service accounts, separated by commas: the token must be of one of them.';
const PROJECTS = 'Ids of projects, separated by commas: the machine must be in one of them. Only for `gce`.';
const ZONES = 'Zones, separated by commas: the machine must be in one of them. Only for `gce`.';
const MAX_LIST = 4_096;
const clearable = { optional: true, nullable: true, max: MAX_LIST } as const;

class GcpSettingsDto extends PeriodicPolicyDto {
  @Description({ description: `${ACCOUNTS} Empty for any.`, example: GCP_EXAMPLE.account, ...clearable })
  allowedServiceAccounts?: string | null;

  @Description({ description: `${PROJECTS} Empty for any.`, example: GCP_EXAMPLE.projects, ...clearable })
  allowedProjects?: string | null;

  @Description({ description: `${ZONES} Empty for any.`, example: GCP_EXAMPLE.zones, ...clearable })
  allowedZones?: string | null;
}

export class AttachGcpAuthDto extends GcpSettingsDto {
  @OneOf(GCP_TYPES, { description: TYPE, example: 'gce' })
  type!: GcpType;
}

export class UpdateGcpAuthDto extends GcpSettingsDto {
  @OneOf(GCP_TYPES, { description: TYPE, example: 'gce', optional: true })
  type?: GcpType;
}

export class GcpAuthDto extends AuthMethodDto {
  @ResponseText(TYPE, 'gce', { enum: [...GCP_TYPES] })
  type!: GcpType;

  @ResponseText('The service accounts of one of which the token must be; empty for any.', GCP_EXAMPLE.account)
  allowedServiceAccounts!: string;

  @ResponseText('The projects in one of which the machine must be; empty for any.', GCP_EXAMPLE.projects)
  allowedProjects!: string;

  @ResponseText('The zones in one of which the machine must be; empty for any.', GCP_EXAMPLE.zones)
  allowedZones!: string;

  static show(row: IdentityAuthMethod): GcpAuthDto {
    return { ...AuthMethodDto.of(row), ...(row.config as GcpAuthConfig) };
  }
}

export class GcpAuthAnswerDto {
  @ResponseObject(() => GcpAuthDto, 'Which service accounts log in, and how the tokens behave that they get.')
  identityGcpAuth!: GcpAuthDto;
}
