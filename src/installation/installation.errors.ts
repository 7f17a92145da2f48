import { HttpStatus } from '@nestjs/common';
import { BadRequestError, LatchkeyError, NotFoundError } from '../common/errors/latchkey.error';

export class AlreadyInitializedError extends BadRequestError {
  constructor() {
    super('instance_already_initialized', 'Instance has already been set up');
  }
}

/** More requests to set up the installation are waiting than the queue accepts. */
export class SetUpBusyError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'set_up_busy', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'Too many bootstrap requests are waiting. Please try again.',
      { headers: { 'Retry-After': '1' } },
    );
  }
}

/** There is no organization yet from which the instance could be administered. */
export class NotSetUpError extends BadRequestError {
  constructor() {
    super(
      'instance_not_set_up',
      'This installation has not been set up: start the server, or run `npm run bootstrap` on the database of DATABASE_URL, or name ' +
        'one of its organizations with --organization.',
    );
  }
}

export class OrganizationNotFoundError extends NotFoundError {
  constructor(wanted: string) {
    super('organization_not_found', `There is no organization with the id or slug ${JSON.stringify(wanted)}.`);
  }
}

/** No token lives longer than the ceiling. */
export class TokenOutlivesCeilingError extends BadRequestError {
  constructor(ceiling: number) {
    super(
      'token_outlives_ceiling',
      `A token lives for at most ${ceiling} seconds: LATCHKEY_MAX_TOKEN_AGE is the ceiling.`,
    );
  }
}
