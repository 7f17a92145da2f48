import type { ExecutionContext } from '@nestjs/common';
import type { AddressedRequest } from '../../common/net/client-address';

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

interface GraphqlInfo {
  readonly variableValues?: object;
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
  // The first argument, as `switchToHttp().getRequest()` has it: that makes three functions and an object on the way.
  const request = context.getArgByIndex<AddressedRequest>(0);
  return { subject: request, request };
}

function graphqlOrigin(context: ExecutionContext): CallOrigin {
  // What resolves a reference of a federation is given no arguments.
  const [, ...rest] = context.getArgs<[unknown, ...object[]]>();
  const [held, info] = (rest.length === 2 ? rest : rest.slice(1)) as [GraphqlContext, GraphqlInfo];
  const request = requestIn(held);
  const isSocket = held.extra !== undefined || request.headers.upgrade !== undefined;
  const found = isSocket ? operationOf(request, info.variableValues ?? held) : request;
  return { subject: found, request: found };
}

function requestIn({ req, request, reply, extra }: GraphqlContext): AddressedRequest {
  const found = req ?? request ?? reply?.request ?? extra?.request;
  if (found === undefined) throw new TypeError('The GraphQL context must hold the request as `req`');
  return found;
}

const operations = new WeakMap<object, WeakMap<object, AddressedRequest>>();

/**
 * The request that opened a socket stays for as long as the socket does, so each operation that comes by it has a copy. What
 * tells operations apart is made for each execution, variables or none; their text is not, for servers keep parsed documents.
 */
function operationOf(upgrade: AddressedRequest, execution: object): AddressedRequest {
  const known = operations.get(upgrade) ?? new WeakMap<object, AddressedRequest>();
  operations.set(upgrade, known);
  const operation = known.get(execution) ?? copyOf(upgrade);
  known.set(execution, operation);
  return operation;
}

function socketOrigin(client: object): CallOrigin {
  const { handshake } = client as SocketIoClient;
  const opened = handshakes.get(client);
  if (opened) return { subject: client, request: copyOf(opened) };
  const { headers = {}, address } = handshake ?? {};
  return { subject: client, request: { headers, socket: { remoteAddress: address } } };
}

/** The same as another object, since a verdict is remembered for one; `raw`, because it knows a header that was sent twice. */
function copyOf(request: AddressedRequest & { readonly raw?: object }): AddressedRequest & { raw: object } {
  return { headers: request.headers, socket: request.socket, raw: request.raw ?? request };
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
