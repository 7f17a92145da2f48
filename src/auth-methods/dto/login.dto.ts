import { OrganizationSlug } from '../../common/dto/fields';

/** What may come with every login, beside its credentials. */
export class LoginDto {
  @OrganizationSlug()
  organizationSlug?: string;
}
