import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { loggable } from '../common/errors/database-errors';
import { registerLatchkeyMetrics } from '../metrics';

const PATH = '/metrics';
/** A scrape is one short request. */
const TIMEOUT_MS = 10_000;
/** Prometheus needs one or two. Others only hold a connection. */
const MOST_CONNECTIONS = 16;
/** One request in so many is timed. */
const SAMPLE = 16;

export interface MetricsSettings {
  readonly host: string;
  readonly port: number;
}

/** Answers with the metrics of a server on a port of their own, which reads nothing of a request but its path. */
export class MetricsServer {
  private readonly logger = new Logger(MetricsServer.name);
  private readonly registry = new Registry();
  private readonly server: Server;

  constructor(app: NestFastifyApplication) {
    collectDefaultMetrics({ register: this.registry });
    registerLatchkeyMetrics(app, this.registry);
    countRequests(app, this.registry);
    this.server = createServer({ requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS }, (request, response) => {
      void this.answer(request, response);
    });
    this.server.maxConnections = MOST_CONNECTIONS;
  }

  /** @returns the URL of the metrics. */
  async listen({ host, port }: MetricsSettings): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen({ host, port }, resolve);
    });
    const { port: actual } = this.server.address() as AddressInfo;
    return `http://${host.includes(':') ? `[${host}]` : host}:${actual}${PATH}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url?.split('?')[0] !== PATH) return void response.writeHead(404).end();
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    try {
      const text = await this.registry.metrics();
      response.writeHead(200, { 'Content-Type': this.registry.contentType }).end(method === 'HEAD' ? '' : text);
    } catch (error) {
      this.logger.error({ event: 'metrics.not_read', cause: loggable(error) });
      response.writeHead(500).end();
    }
  }
}

/** The requests of the server, whatever answered them. The status is the only label: paths and methods are what clients send. */
function countRequests(app: NestFastifyApplication, registry: Registry): void {
  const counts = new Map<number, number>();
  const seconds = new Histogram({
    name: 'latchkey_http_request_seconds',
    help: 'The time until the answer was sent, of one request in 16.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  const requests: Counter = new Counter({
    name: 'latchkey_http_requests_total',
    help: 'Answered requests by status.',
    labelNames: ['status'],
    registers: [registry],
    collect: () => {
      requests.reset();
      for (const [status, count] of counts) requests.inc({ status: String(status) }, count);
    },
  });
  let answered = 0;
  app
    .getHttpAdapter()
    .getInstance()
    .server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
      answered += 1;
      const beganAt = answered % SAMPLE === 0 ? performance.now() : undefined;
      response.once('finish', () => {
        counts.set(response.statusCode, (counts.get(response.statusCode) ?? 0) + 1);
        if (beganAt !== undefined) seconds.observe((performance.now() - beganAt) / 1_000);
      });
    });
}
