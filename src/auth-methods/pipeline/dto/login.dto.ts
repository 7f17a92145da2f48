import { EXAMPLE } from '../../../common/dto/examples';
import { OrganizationSlug, TrimmedText } from '../../../common/dto/request-fields';

/** What may come with every login, beside its credentials. */
export class LoginDto {
  @OrganizationSlug()
  organizationSlug?: string;
}

/** What comes with a login that calls the identity by its id. */
export class IdentityLoginDto extends LoginDto {
  @TrimmedText({ description: 'The id of the identity.', example: EXAMPLE.identityId, max: 255 })
  identityId!: string;
}
