import { NotFoundError } from '../common/errors/latchkey.error';

/** There are no sub-organizations: every slug except that of the caller's own organization is unknown. */
export class SubOrganizationNotFoundError extends NotFoundError {
  constructor(slug: string) {
    super('sub_organization_not_found', `Sub organization with slug ${slug} not found`);
  }
}
