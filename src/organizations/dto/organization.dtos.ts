import { EXAMPLE } from '../../common/dto/examples';
import { Id, Words } from '../../common/dto/answers';
import type { Organization } from '../organization.entity';

export class OrganizationDto {
  @Id('The id of the organization.', EXAMPLE.organizationId)
  id!: string;

  @Words('Its name.', 'Acme')
  name!: string;

  @Words('Its name in addresses.', 'acme-x7k2q9')
  slug!: string;

  static of({ id, name, slug }: Pick<Organization, 'id' | 'name' | 'slug'>): OrganizationDto {
    return { id, name, slug };
  }
}
