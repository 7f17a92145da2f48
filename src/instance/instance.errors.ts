import { HttpStatus } from '@nestjs/common';
import { BadRequestError, LatchkeyError } from '../common/errors/latchkey.error';

export class AlreadyInitializedError extends BadRequestError {
  constructor() {
    super('instance_already_initialized', 'Instance has already been set up');
  }
}

/** More callers want to set the installation up at this moment than are let wait. */
export class SetUpBusyError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'set_up_busy', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'Too many are setting this instance up at once. Please try again.',
      { headers: { 'Retry-After': '1' } },
    );
  }
}
