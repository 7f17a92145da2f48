import type { IncomingMessage } from 'node:http';
import { UseFilters } from '@nestjs/common';
import { MessageBody, type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Authorized, Caller, rememberHandshake, type VerifiedAccessToken } from 'latchkey';
import type { WebSocket } from 'ws';
import { RefusalFilter } from './refusal.filter.js';

/** Whoever may read prices asks for them as long as the socket is open, and as long as the token is good. */
@WebSocketGateway({ path: '/prices' })
@UseFilters(RefusalFilter)
export class PricesGateway implements OnGatewayConnection {
  /** The one moment when a plain web socket shows the request that opened it, and with it the token. */
  handleConnection(client: WebSocket, request: IncomingMessage): void {
    rememberHandshake(client, request);
  }

  @SubscribeMessage('price')
  @Authorized('prices:read')
  price(@Caller() { identityName }: VerifiedAccessToken, @MessageBody() { of }: { of: string }) {
    return { event: 'price', data: { of, for: identityName, price: of.length } };
  }
}
