import { isUtf8 } from 'node:buffer';
import { type IncomingMessage, METHODS, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import underPressure from '@fastify/under-pressure';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpStatus } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  HEADERS_TOO_LARGE,
  MethodNotAllowedError,
  OverloadedError,
  RefusedRequestError,
} from '../common/errors/common.errors';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import { asLatchkeyError } from '../common/http/latchkey-exception.filter';
import { requirePlainBody } from '../common/http/plain-body';
import { newRequestId, requestId, REQUEST_ID_HEADER } from '../common/http/request-id';
import { onePerTick } from './one-per-tick';
import { answerCors } from './cors';
import { docsHeaders } from './docs-headers';
import { parseForm } from './form';
import { closeSlowReaders } from './slow-readers';

const BODY_LIMIT = 100 * 1024;
/** From this size on, parsing a body takes milliseconds. One such body is parsed per turn of the event loop (guarantee P16). */
const LARGE_BODY = 8 * 1024;
const inNextTick = onePerTick();
const MAX_DELAY_MS = 700;
/** A request that takes longer to arrive only holds a connection. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How often connections are checked for those whose time is over. */
const LOOK_MS = 2_000;
/** The limit for a connection on which nothing moves: its client is gone or does not read. */
const SILENCE_MS = 90_000;
const LINGER_MS = 1_000;
const NO_SNIFF = 'X-Content-Type-Options';

export interface HttpSettings {
  /** Origins whose scripts may call, or `*`. */
  readonly corsOrigins?: readonly string[];
  /** The address of the server as seen from outside, if that is not where it listens. */
  readonly publicUrl?: string | undefined;
  /** Whether the address of the server leads a browser to the console. */
  readonly hasConsole?: boolean;
}

/**
 * Fastify, set up for the wire contract (decisions 11 and 23).
 *
 * @param maxDelayMs the delay of the process in milliseconds from which on requests are turned away.
 */
export function httpAdapter(maxDelayMs = MAX_DELAY_MS, settings: HttpSettings = {}): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // An overlong id is an unknown id (decision 11). The limit on headers, which counts the path, bounds it.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 16 * 1024 },
    forceCloseConnections: 'idle',
    connectionTimeout: SILENCE_MS,
    http: {
      // Node's own refusal would have no body.
      requireHostHeader: false,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: LOOK_MS,
    },
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) => {
      const { status, body } = bodyOf(asLatchkeyError(error));
      void reply.status(status).header(REQUEST_ID_HEADER, body.reqId).header(NO_SNIFF, 'nosniff').send(body);
    },
  });
  acceptMethods(adapter);
  acceptBodies(adapter);
  addHeaders(adapter, settings);
  requireSoundRequests(adapter);
  shedLoad(adapter, maxDelayMs);
  letGoOfConnections(adapter);
  refuseExpectations(adapter);
  refuseTunnels(adapter);
  closeSlowReaders(adapter.getInstance().server);
  return adapter;
}

/**
 * Refuses requests while the process is so far behind that it would answer them too late anyway (guarantee P17). The plugin
 * measures the delay of the event loop, as Fastify's own documentation advises.
 */
function shedLoad(adapter: FastifyAdapter, maxEventLoopDelay: number): void {
  void adapter.getInstance().register(underPressure, {
    maxEventLoopDelay,
    pressureHandler: () => {
      throw new OverloadedError();
    },
  });
}

/**
 * Accepts every method that Node reads, so that a path can refuse it with 405. Fastify would answer that the path does not
 * exist.
 */
function acceptMethods(adapter: FastifyAdapter): void {
  const instance = adapter.getInstance();
  const unknown = METHODS.filter((method) => method !== 'CONNECT' && !instance.supportedMethods.includes(method));
  for (const method of unknown) instance.addHttpMethod(method, { hasBody: true });
}

/** Sets the headers of every answer, whatever happens to the request, and answers preflights. */
function addHeaders(adapter: FastifyAdapter, { corsOrigins = [], publicUrl, hasConsole = false }: HttpSettings): void {
  const ofDocs = docsHeaders(publicUrl);
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, requestId(request));
    reply.header(NO_SNIFF, 'nosniff');
    if (request.routeOptions.url?.startsWith('/api/docs')) reply.headers(ofDocs);
    if (hasConsole && isBrowserAtRoot(request)) return void reply.redirect('console', HttpStatus.SEE_OTHER);
    if (!answerCors(corsOrigins, request, reply)) done();
  });
}

/** A person who has typed the address of the server. A program is told that nothing is there. */
function isBrowserAtRoot({ method, url, headers }: FastifyRequest): boolean {
  return method === 'GET' && url.split('?')[0] === '/' && /\btext\/html\b/.test(headers.accept ?? '');
}

/** A host with a port (RFC 3986 section 3.2.2). */
const HOST = /^([\w.~!$&'()*+,;=%-]*|\[[\da-fv.:]+\])(:\d*)?$/i;

/** Whether the request names one valid host (RFC 9112 section 3.2). If it named two, a proxy might have read the other one. */
function isSoundHost({ httpVersion, headers, rawHeaders }: IncomingMessage): boolean {
  if (headers.host === undefined) return httpVersion !== '1.1';
  return HOST.test(headers.host) && rawHeaders.filter(isNameOfHost).length === 1;
}

function isNameOfHost(text: string, at: number): boolean {
  return at % 2 === 0 && text.length === 4 && text.toLowerCase() === 'host';
}

/**
 * Requires one valid host, and a body in one known form. `OPTIONS *` is answered here: it names no path (RFC 9110 section
 * 9.3.7).
 */
function requireSoundRequests(adapter: FastifyAdapter): void {
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    if (request.method === 'OPTIONS' && request.url === '*') return void reply.status(HttpStatus.NO_CONTENT).send();
    if (!isSoundHost(request.raw)) return done(new RefusedRequestError(HttpStatus.BAD_REQUEST));
    requirePlainBody(request);
    done();
  });
}

/** Closes connections that become idle during the shutdown. Otherwise each would delay the end until its client closes it. */
function letGoOfConnections(adapter: FastifyAdapter): void {
  const instance = adapter.getInstance();
  instance.addHook('preClose', (done) => {
    const timer = setInterval(() => instance.server.closeIdleConnections(), 50);
    instance.server.once('close', () => clearInterval(timer));
    timer.unref();
    done();
  });
}

/** Answers requests with an unknown `Expect` header (RFC 9110 section 10.1.1), because Node's own answer has no body. */
function refuseExpectations(adapter: FastifyAdapter): void {
  adapter.getInstance().server.on('checkExpectation', (_request, response: ServerResponse) => {
    const { status, body } = bodyOf(new RefusedRequestError(HttpStatus.EXPECTATION_FAILED));
    const text = JSON.stringify(body);
    response.writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      [REQUEST_ID_HEADER]: body.reqId,
      [NO_SNIFF]: 'nosniff',
      Connection: 'close',
    });
    response.end(text);
  });
}

/** Answers CONNECT. Without this, Node closes the connection without an answer. */
function refuseTunnels(adapter: FastifyAdapter): void {
  adapter.getInstance().server.on('connect', (_request, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    answerBare(socket, new MethodNotAllowedError(''));
  });
}

/** JSON and forms, with an empty body for `{}`; an empty body of any type, because some clients name odd types. */
function acceptBodies(adapter: FastifyAdapter): void {
  const parseJson = adapter.getInstance().getDefaultJsonParser('error', 'error');
  // Fastify's own parser would pass plain text to the handlers.
  adapter.getInstance().removeContentTypeParser('text/plain');
  accept(adapter, 'application/json', (text, request, done) => void parseJson(request, text, done));
  accept(adapter, 'application/x-www-form-urlencoded', (text, _request, done) => done(null, parseForm(text)));
  accept(adapter, '*', (_text, _request, done) => done(new RefusedRequestError(HttpStatus.UNSUPPORTED_MEDIA_TYPE)));
}

/** Passes an exception on. In a separate turn of the event loop, no other handler would receive it. */
function parseSafely(parse: () => void, done: Done): void {
  try {
    parse();
  } catch (error) {
    done(error as Error);
  }
}

type Done = (error: Error | null, body?: unknown) => void;

function accept(
  adapter: FastifyAdapter,
  mediaType: string,
  parse: (text: string, request: FastifyRequest, done: Done) => void,
): void {
  adapter.useBodyParser(mediaType, false, { bodyLimit: BODY_LIMIT }, (request, body: Buffer, done) => {
    if (body.length === 0) done(null, {});
    else if (mediaType !== '*' && !isUtf8(body)) done(new RefusedRequestError(HttpStatus.BAD_REQUEST));
    else if (body.length < LARGE_BODY) parse(body.toString(), request, done);
    else inNextTick(() => parseSafely(() => parse(body.toString(), request, done), done));
  });
}

/** Answers input that is not HTTP. It never reaches a route, so the answer is written to the socket, with the usual error body. */
function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || socket.writableEnded) return;
  answerBare(socket, new RefusedRequestError(CONNECTION_STATUS[error.code ?? ''] ?? HttpStatus.BAD_REQUEST));
}

function answerBare(socket: Socket, error: LatchkeyError): void {
  const { status, body } = bodyOf(error);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `${REQUEST_ID_HEADER}: ${body.reqId}`,
    `${NO_SNIFF}: nosniff`,
    ...Object.entries(error.headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
  closeSoon(socket);
}

const CONNECTION_STATUS: Partial<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: HEADERS_TOO_LARGE,
  ERR_HTTP_REQUEST_TIMEOUT: HttpStatus.REQUEST_TIMEOUT,
};

/**
 * Closes a connection after a moment. If it were closed at once, a client that is still sending would lose the answer. If it stayed
 * open, it might stay open for ever.
 */
function closeSoon(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

function bodyOf(error: ReturnType<typeof asLatchkeyError>) {
  return { status: error.getStatus(), body: { reqId: newRequestId(), ...(error.getResponse() as object) } };
}
