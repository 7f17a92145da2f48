import { HttpStatus } from '@nestjs/common';
import { LatchkeyError } from '../common/errors/latchkey.error';

/** This node is shutting down. It still answers, but requests should go elsewhere. */
export class DrainingError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'draining', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'This node is shutting down.',
      { details: { draining: true }, headers: { 'Retry-After': '1' } },
    );
  }
}

/** This node could not confirm within the bound which changes there are. */
export class NotReadyError extends LatchkeyError {
  constructor(details: { push: string; confirmedAgeMs: number | null }) {
    super(
      { errorCode: 'not_ready', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'This node has not heard from the primary database within the revocation bound.',
      { details, headers: { 'Retry-After': '1' } },
    );
  }
}
