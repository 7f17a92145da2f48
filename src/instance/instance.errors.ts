import { BadRequestError } from '../common/errors/latchkey.error';

export class AlreadyInitializedError extends BadRequestError {
  constructor() {
    super('instance_already_initialized', 'Instance has already been set up');
  }
}
