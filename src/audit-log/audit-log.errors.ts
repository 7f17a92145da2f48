import { NotFoundError } from '../common/errors/latchkey.error';

/** The organization has no event that a checkpoint could state. */
export class NoEventsError extends NotFoundError {
  constructor() {
    super('audit_log_empty', 'The organization has no events yet');
  }
}
