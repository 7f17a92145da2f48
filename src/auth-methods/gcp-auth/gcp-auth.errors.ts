import { LoginError } from '../auth-methods.errors';

/** The token does not name a service account that has keys of its own. */
export class InvalidServiceAccountError extends LoginError {
  constructor() {
    super('invalid_service_account', 'Invalid service account identifier');
  }
}

/** The token is for another audience than the identity. */
export class InvalidAudienceError extends LoginError {
  constructor() {
    super('audience_not_allowed', 'Invalid audience in GCP IAM Token');
  }
}

/** The token is genuine, but not of those that are allowed. */
export class NotAllowedError extends LoginError {
  constructor(what: keyof typeof NAMES) {
    super(`${what}_not_allowed`, `Access denied: GCP ${NAMES[what]} not allowed.`);
  }
}

const NAMES = { service_account: 'service account', project: 'project', zone: 'zone' } as const;
