import { HttpStatus } from '@nestjs/common';
import { LatchkeyError } from '../common/errors/latchkey.error';

/** This node is about to end. It still answers; requests are better sent elsewhere. */
export class DrainingError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'draining', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'This node is shutting down.',
      { details: { draining: true }, headers: { 'Retry-After': '1' } },
    );
  }
}

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
