import type { ExecutionContext } from '@nestjs/common';
import type { AddressedRequest } from '../../common/net/client-address';

/** The objects of a call: the one on which the caller is kept, and the one that identifies the caller. */
export interface CallOrigin {
  /** One object for everything that handles the call. */
  readonly subject: object;
  /** For sockets and messages one object for each message, so that every message is verified and counts as one use of the token. */
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
  get(name: string): unknown[];
  getMap(): object;
}

interface GrpcCall {
  getPeer?(): string;
}

const handshakes = new WeakMap<object, AddressedRequest>();

/**
 * Tells the guard which HTTP request opened a socket; the guard reads the token from that request. Call it once, in
 * `handleConnection(client, request)` of a gateway on `@nestjs/platform-ws`. Clients of socket.io carry their request with
 * them.
 *
 * @param client the socket, as the gateway's handlers get it.
 * @param request the HTTP request that opened it.
 */
export function rememberHandshake(client: object, request: AddressedRequest): void {
  handshakes.set(client, request);
}

/** The origin of a call over any transport: HTTP, GraphQL, a web socket or gRPC. */
export function originOf(context: ExecutionContext): CallOrigin {
  const type = context.getType<string>();
  if (type === 'graphql') return graphqlOrigin(context);
  if (type === 'ws') return messageOrigin(context, context.switchToWs().getClient<object>(), handshakeOf);
  if (type === 'rpc') return messageOrigin(context, context.switchToRpc().getContext<object>(), rpcRequest);
  // The first argument, like `switchToHttp().getRequest()`, which would create three functions and an object on the way.
  const request = context.getArgByIndex<AddressedRequest>(0);
  return { subject: request, request };
}

function graphqlOrigin(context: ExecutionContext): CallOrigin {
  // Resolvers of federation references get no arguments.
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
 * The request that opened a socket lives as long as the socket, so each operation on it gets a copy. Operations are told apart
 * by an object that is made for each execution, with or without variables. Their text would not do, because servers keep parsed
 * documents.
 */
function operationOf(upgrade: AddressedRequest, execution: object): AddressedRequest {
  const known = operations.get(upgrade) ?? new WeakMap<object, AddressedRequest>();
  operations.set(upgrade, known);
  const operation = known.get(execution) ?? copyOf(upgrade);
  known.set(execution, operation);
  return operation;
}

const messages = new WeakMap<object, AddressedRequest>();

/** All guards of a message get the same arguments, and so the same request. Its parameters get others. */
function messageOrigin(
  context: ExecutionContext,
  subject: object,
  requestOf: (subject: object, context: ExecutionContext) => AddressedRequest,
): CallOrigin {
  const args = context.getArgs();
  const request = messages.get(args) ?? requestOf(subject, context);
  messages.set(args, request);
  return { subject, request };
}

function handshakeOf(client: object): AddressedRequest {
  const { handshake } = client as SocketIoClient;
  const opened = handshakes.get(client);
  if (opened) return copyOf(opened);
  const { headers = {}, address } = handshake ?? {};
  return { headers, socket: { remoteAddress: address } };
}

/**
 * The same request as another object, because a verification is kept per object. It keeps `raw`, which knows a header that was
 * sent twice.
 */
function copyOf(request: AddressedRequest & { readonly raw?: object }): AddressedRequest & { raw: object } {
  return { headers: request.headers, socket: request.socket, raw: request.raw ?? request };
}

/** Only gRPC says who is calling. A message of any other transport carries no token that a guard could find. */
function rpcRequest(metadata: object, context: ExecutionContext): AddressedRequest {
  const call = context.getArgByIndex<GrpcCall | undefined>(2);
  // `ipv4:10.0.0.1:5000`, `10.0.0.1:5000` or `[2001:db8::1]:5000`.
  const remoteAddress = call
    ?.getPeer?.()
    .replace(/^ipv[46]:/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
  return { headers: isGrpcMetadata(metadata) ? headersOf(metadata) : {}, socket: { remoteAddress } };
}

function isGrpcMetadata(metadata: object): metadata is GrpcMetadata {
  return 'getMap' in metadata && typeof metadata.getMap === 'function';
}

function headersOf(metadata: GrpcMetadata): Record<string, string[]> {
  const names = Object.keys(metadata.getMap());
  return Object.fromEntries(
    names.map((name) => [name, metadata.get(name).filter((value) => typeof value === 'string')]),
  );
}
