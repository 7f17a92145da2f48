import { HttpStatus } from '@nestjs/common';
import { LatchkeyError } from '../common/errors/latchkey.error';

/** The console has no such file: perhaps another version of it is served now. */
export class ConsoleFileNotFoundError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'console_file_not_found', status: HttpStatus.NOT_FOUND, error: 'NotFound' },
      'The console has no such file.',
      { headers: { 'Cache-Control': 'no-store' } },
    );
  }
}
