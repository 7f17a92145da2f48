import type { ExecutionContext } from '@nestjs/common';
import type { AddressedRequest } from '../common/net/client-address';

/** What of a call the caller is noted on, and what tells who it is. */
export interface CallOrigin {
  /** One object for everything that handles the call. */
  readonly subject: object;
  /** For sockets and messages made anew for each, so that every message is judged, and is a use of the token. */
  readonly request: AddressedRequest;
}

interface SocketIoClient {
  readonly handshake?: { readonly headers: AddressedRequest['headers']; readonly address?: string };
}

interface GraphqlContext {
  readonly req?: AddressedRequest;
  readonly request?: AddressedRequest;
  readonly reply?: { readonly request: AddressedRequest };
  readonly extra?: { readonly request: AddressedRequest };
}

interface GrpcMetadata {
  get?(name: string): unknown[];
}

interface GrpcCall {
  getPeer?(): string;
}

const handshakes = new WeakMap<object, AddressedRequest>();

/**
 * Says which HTTP request opened a socket, for the guard to find the token in: once, in `handleConnection(client, request)` of
 * a gateway on `@nestjs/platform-ws`. Clients of socket.io carry it with them.
 */
export function rememberHandshake(client: object, request: AddressedRequest): void {
  handshakes.set(client, request);
}

/** Where a call came from, whatever it came by: HTTP, GraphQL, a web socket or gRPC. */
export function originOf(context: ExecutionContext): CallOrigin {
  const type = context.getType<string>();
  if (type === 'graphql') return graphqlOrigin(context);
  if (type === 'ws') return socketOrigin(context.switchToWs().getClient());
  if (type === 'rpc') return rpcOrigin(context);
  const request = context.switchToHttp().getRequest<AddressedRequest>();
  return { subject: request, request };
}

function graphqlOrigin(context: ExecutionContext): CallOrigin {
  const { req, request, reply, extra } = context.getArgByIndex<GraphqlContext>(2);
  const found = req ?? request ?? reply?.request ?? extra?.request;
  if (found === undefined) throw new TypeError('The GraphQL context must hold the request as `req`');
  return { subject: found, request: found };
}

function socketOrigin(client: object): CallOrigin {
  const { handshake } = client as SocketIoClient;
  const opened = handshakes.get(client);
  if (opened) return { subject: client, request: copyOf(opened) };
  const { headers = {}, address } = handshake ?? {};
  return { subject: client, request: { headers, socket: { remoteAddress: address } } };
}

/** The same as another object, since a verdict is remembered for one; `raw`, because it knows a header that was sent twice. */
function copyOf(request: AddressedRequest): AddressedRequest & { raw: AddressedRequest } {
  return { headers: request.headers, socket: request.socket, raw: request };
}

/** Only gRPC says who is calling. A message of any other transport carries no token a guard could find. */
function rpcOrigin(context: ExecutionContext): CallOrigin {
  const metadata = context.switchToRpc().getContext<GrpcMetadata & object>();
  const call = context.getArgByIndex<GrpcCall | undefined>(2);
  const [authorization] = metadata.get?.('authorization') ?? [];
  // `ipv4:10.0.0.1:5000`, `10.0.0.1:5000` or `[2001:db8::1]:5000`.
  const remoteAddress = call
    ?.getPeer?.()
    .replace(/^ipv[46]:/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
  const headers = typeof authorization === 'string' ? { authorization } : {};
  return { subject: metadata, request: { headers, socket: { remoteAddress } } };
}
