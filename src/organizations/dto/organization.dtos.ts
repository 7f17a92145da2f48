import { EXAMPLE } from '../../common/dto/examples';
import { Name } from '../../common/dto/request-fields';
import { ResponseId, ResponseList, ResponseObject, ResponseText } from '../../common/dto/response-fields';
import { PageDto } from '../../common/http/page';
import type { Organization } from '../../database/entities/organization.entity';

export class OrganizationDto {
  @ResponseId('The id of the organization.', EXAMPLE.organizationId)
  id!: string;

  @ResponseText('The name of the organization.', 'Acme')
  name!: string;

  @ResponseText('The slug: the name in URLs.', 'acme-x7k2q9')
  slug!: string;

  static of({ id, name, slug }: Pick<Organization, 'id' | 'name' | 'slug'>): OrganizationDto {
    return { id, name, slug };
  }
}

export class CredentialsDto {
  @ResponseText('An access token, shown only here.', EXAMPLE.accessToken)
  token!: string;
}

export class FoundingIdentityDto {
  @ResponseId('The id of the identity.', EXAMPLE.identityId)
  id!: string;

  @ResponseText('The name of the organization.', 'Instance Admin Identity')
  name!: string;

  @ResponseObject(() => CredentialsDto, 'The first credentials of the identity.')
  credentials!: CredentialsDto;
}

export class CreateOrganizationDto {
  @Name({ description: 'The name of the organization.', example: 'Acme' })
  name!: string;
}

export class CreatedOrganizationDto {
  @ResponseObject(() => OrganizationDto, 'The organization.')
  organization!: OrganizationDto;

  @ResponseObject(() => FoundingIdentityDto, 'The identity that administrates it.')
  identity!: FoundingIdentityDto;
}

export class OrganizationListDto extends PageDto {
  @ResponseList(() => OrganizationDto, 'The organizations, newest first.')
  organizations!: OrganizationDto[];
}
