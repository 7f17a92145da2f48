import { BadRequestError, ForbiddenError } from '../common/errors/latchkey.error';

/** Another project of the organization has this slug. 400. */
export class ProjectSlugTakenError extends BadRequestError {
  constructor(slug: string) {
    super(
      'project_slug_taken',
      `A project with the slug "${slug}" already exists in your organization. Please choose a different name or slug.`,
    );
  }
}

/** The project is protected against deletion. 403. */
export class ProjectDeleteProtectionError extends ForbiddenError {
  constructor() {
    super('project_delete_protected', 'Project delete protection is enabled');
  }
}

/** A new project asks for something that Latchkey does not have. 400. */
export class UnsupportedProjectError extends BadRequestError {
  /** @param what such as `type secret-manager`, the only one that there is. */
  constructor(field: string, only: string) {
    super('project_unsupported', `There is no such ${field} of projects here. The only ${field} is ${only}.`);
  }
}

/** A new project names a key that does not exist. 404 would say that the project is missing. */
export class UnknownKmsKeyError extends BadRequestError {
  constructor() {
    super('kms_key_unknown', 'There are no KMS keys here. Leave kmsKeyId out.');
  }
}
