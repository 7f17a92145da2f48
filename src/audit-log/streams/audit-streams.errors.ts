import { BadRequestError, NotFoundError } from '../../common/errors/latchkey.error';

/** No stream of the caller's organization has this id. 404. */
export class AuditStreamNotFoundError extends NotFoundError {
  constructor(id: string) {
    super('audit_stream_not_found', `Failed to find audit log stream with ID ${id}`);
  }
}

/** The organization has as many streams as it can have. 400. */
export class TooManyAuditStreamsError extends BadRequestError {
  constructor(most: number) {
    super('too_many_audit_streams', `An organization has at most ${most} streams. Delete one first.`);
  }
}
