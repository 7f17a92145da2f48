import { EXAMPLE } from '../../../common/dto/examples';
import { OrganizationSlug, TrimmedText } from '../../../common/dto/request-fields';

/** The optional field of every login, beside its credentials. */
export class LoginDto {
  @OrganizationSlug()
  organizationSlug?: string;
}

/** The field of a login that names the identity by its id. */
export class IdentityLoginDto extends LoginDto {
  @TrimmedText({ description: 'The id of the identity.', example: EXAMPLE.identityId, max: 255 })
  identityId!: string;
}
