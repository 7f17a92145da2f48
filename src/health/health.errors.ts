import { HttpStatus } from '@nestjs/common';
import { LatchkeyError } from '../common/errors/latchkey.error';

/** This node has not been able to confirm within the bound what has changed. */
export class NotReadyError extends LatchkeyError {
  constructor(details: { push: string; confirmedAgeMs: number | null }) {
    super(
      { errorCode: 'not_ready', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'This node has not heard from the primary database within the revocation bound.',
      { details, headers: { 'Retry-After': '1' } },
    );
  }
}
