import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { LatchkeyError } from 'latchkey';
import type { WebSocket } from 'ws';

/**
 * Says why a message was refused. Nest's own filter would do so too; this one also shows the door to whoever has no good token
 * any more. 1008 is a violation of policy.
 */
@Catch(WsException)
export class RefusalFilter implements ExceptionFilter<WsException> {
  catch({ message, cause }: WsException, host: ArgumentsHost): void {
    const client = host.switchToWs().getClient<WebSocket>();
    const code = cause instanceof LatchkeyError ? cause.errorCode : message;
    client.send(JSON.stringify({ event: 'refused', data: { code } }));
    if (cause instanceof LatchkeyError && cause.getStatus() === 401) client.close(1008, code);
  }
}
