import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { LatchkeyError } from 'latchkey';
import type { WebSocket } from 'ws';

/** Says why a message was refused. Who has no good token any more has no business here: 1008 is a violation of policy. */
@Catch(LatchkeyError)
export class RefusalFilter implements ExceptionFilter<LatchkeyError> {
  catch(error: LatchkeyError, host: ArgumentsHost): void {
    const client = host.switchToWs().getClient<WebSocket>();
    client.send(JSON.stringify({ event: 'refused', data: { code: error.errorCode } }));
    if (error.getStatus() === 401) client.close(1008, error.errorCode);
  }
}
