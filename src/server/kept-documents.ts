import { createHash, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip as gzipWithCallback } from 'node:zlib';
import type { FastifyReply, FastifyRequest, onRequestHookHandler, RouteOptions } from 'fastify';
import { HttpStatus, type INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

const gzip = promisify(gzipWithCallback);

/** Marks the requests by which a document is made; only this process knows it. */
const MAKING = 'x-latchkey-making';
/** Smaller answers do not get smaller. */
const WORTH_COMPRESSING = 1_024;

/** The other headers that a route sends to browsers are sent again. */
const KEPT_HEADERS = [
  'content-type',
  'content-security-policy',
  'x-content-type-options',
  'x-frame-options',
  'referrer-policy',
];

interface Encoded {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** A document as it is sent. */
interface Kept {
  readonly headers: Record<string, string>;
  readonly plain: Encoded;
  /** Only if that is smaller. */
  readonly gzipped?: Encoded;
}

/**
 * Makes each document below a path once, however often it is requested. The server requests its own routes, and keeps the
 * answers as bytes. A client that already has a document is told so (304).
 *
 * @param files the files below the path, which one route answers.
 * @param edition a value on which the documents depend: when it changes, they are made again.
 */
export function keepDocuments(
  app: INestApplication,
  path: string,
  files: readonly string[],
  edition: () => Promise<string>,
): void {
  const documents = new KeptDocuments((app as NestFastifyApplication).getHttpAdapter().getInstance(), path, files);
  documents.serve(edition);
}

type Fastify = ReturnType<ReturnType<NestFastifyApplication['getHttpAdapter']>['getInstance']>;

class KeptDocuments {
  private readonly secret = randomUUID();
  private readonly files: ReadonlySet<string>;
  private kept = new Map<string, Promise<Kept | undefined>>();
  private edition = '';

  constructor(
    private readonly fastify: Fastify,
    private readonly path: string,
    files: readonly string[],
  ) {
    this.files = new Set(files);
  }

  /** To be called before the routes are made, so that no other route pays for it. */
  serve(edition: () => Promise<string>): void {
    this.fastify.addHook('onRoute', (options: RouteOptions) => {
      const { url: route, method } = options;
      if (!isOf(this.path, route) || ![method].flat().some((name) => name === 'GET' || name === 'HEAD')) return;
      const hook: onRequestHookHandler = (request, reply, done) => {
        const url = this.documentOf(route, request);
        if (url === undefined || request.headers[MAKING] === this.secret) return done();
        const found = edition().then((current) => this.of(url, current));
        found.then((document) => (document ? answer(request, reply, document) : done()), done);
      };
      options.onRequest = [hook, ...[options.onRequest ?? []].flat()];
    });
  }

  /** The canonical address of a document, however it was spelled: there are as many as routes and files. */
  private documentOf(route: string, { url, params }: FastifyRequest): string | undefined {
    if (route.endsWith('/*')) {
      const file = (params as { '*'?: string })['*'] ?? '';
      return this.files.has(file) ? route.replace('*', () => file) : undefined;
    }
    // The page names its files relative to its address.
    const isFolder = route === this.path && /^[^?]*\/(\?|$)/.test(url);
    return isFolder ? `${route}/` : route;
  }

  private of(url: string, edition: string): Promise<Kept | undefined> {
    if (edition !== this.edition) {
      this.edition = edition;
      this.kept = new Map();
    }
    let document = this.kept.get(url);
    if (document === undefined) {
      const { kept } = this;
      document = this.make(url);
      kept.set(url, document);
      // The next request tries again.
      const dropFailed = (made?: Kept) => made ?? kept.delete(url);
      document.then(dropFailed, () => dropFailed());
    }
    return document;
  }

  private async make(url: string): Promise<Kept | undefined> {
    const { statusCode, headers, rawPayload } = await this.fastify.inject({
      url,
      headers: { [MAKING]: this.secret, host: 'localhost' },
    });
    if (Number(statusCode) !== Number(HttpStatus.OK)) return undefined;
    const kept = Object.fromEntries(
      KEPT_HEADERS.filter((name) => headers[name] !== undefined).map((name) => [name, String(headers[name])]),
    );
    const plain = encoded(rawPayload);
    if (rawPayload.length < WORTH_COMPRESSING) return { headers: kept, plain };
    const smaller = await gzip(rawPayload, { level: 9 });
    return smaller.length < rawPayload.length
      ? { headers: kept, plain, gzipped: encoded(smaller) }
      : { headers: kept, plain };
  }
}

function isOf(path: string, route: string): boolean {
  return route === path || route.startsWith(`${path}/`);
}

function encoded(bytes: Buffer): Encoded {
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"` };
}

function answer(request: FastifyRequest, reply: FastifyReply, { headers, plain, gzipped }: Kept): FastifyReply {
  const isGzipped = gzipped !== undefined && acceptsGzip(request.headers['accept-encoding']);
  const { bytes, etag } = isGzipped ? gzipped : plain;
  // Browsers ask on every use, because another version of the server has other files at the same address.
  void reply.headers({
    ...headers,
    etag,
    'cache-control': 'no-cache',
    ...(gzipped ? { vary: 'accept-encoding' } : {}),
  });
  if (isNamed(etag, request.headers['if-none-match'])) return reply.status(HttpStatus.NOT_MODIFIED).send();
  if (isGzipped) void reply.header('content-encoding', 'gzip');
  return reply.send(bytes);
}

function acceptsGzip(accepted: string | string[] = ''): boolean {
  const found = /(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=([\d.]+)\s*)?(?:,|$)/i.exec(String(accepted));
  return found !== null && Number(found[1] ?? 1) > 0;
}

/** RFC 9110 section 13.1.2: compared weakly. */
function isNamed(etag: string, named: string | undefined): boolean {
  if (named === undefined) return false;
  return named.split(',').some((one) => [etag, '*'].includes(one.trim().replace(/^W\//, '')));
}
