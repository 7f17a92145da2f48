import { EXAMPLE } from '../../common/dto/examples';
import { ResponseId, ResponseText } from '../../common/dto/response-fields';
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
