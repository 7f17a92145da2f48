import * as http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TestAuthority } from './certificates';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface PeerOptions {
  readonly authority?: TestAuthority;
  /** The names that its certificate is good for. */
  readonly hosts?: readonly string[];
  readonly until?: Date;
  /** Where it listens; 0 for a port that the system gives. */
  readonly port?: number;
  /** Whether it is reached without TLS, like the services of an operator. */
  readonly isPlain?: boolean;
}

const NAMES = ['127.0.0.1', 'peer.test'];

/** A server on the loopback interface that others reach over TLS, and that counts what it is asked. */
export class HttpsPeer {
  /** What it answers with. */
  answer: Answer = (_, response) => void response.end('{}');
  readonly asked: string[] = [];
  /** Requests that were open at the same moment, at most. */
  mostAtOnce = 0;
  /** TCP connections, those that never become a request among them. */
  connections = 0;
  /** Whether it hangs up on whoever connects. */
  isDown = false;
  private atOnce = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: http.Server | https.Server,
    readonly authority: TestAuthority,
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.serve(request, response));
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      if (this.isDown) socket.destroy();
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    // Clients hang up on it in many ways here.
    server.on('tlsClientError', () => undefined);
  }

  static async start({
    authority,
    hosts = NAMES,
    until,
    port = 0,
    isPlain = false,
  }: PeerOptions = {}): Promise<HttpsPeer> {
    const issuer = authority ?? new TestAuthority();
    const server = isPlain ? http.createServer() : https.createServer(issuer.issue(hosts, until));
    await new Promise<void>((resolve, reject) => {
      server.on('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return new HttpsPeer(server, issuer);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http${this.isPlain ? '' : 's'}://127.0.0.1:${this.port}`;
  }

  get isPlain(): boolean {
    return !(this.server instanceof https.Server);
  }

  /** Shows those who connect from now on a certificate of this authority. */
  present(authority = this.authority, hosts: readonly string[] = NAMES, until?: Date): void {
    if (this.server instanceof https.Server) this.server.setSecureContext(authority.issue(hosts, until));
  }

  /** Answers JSON, like most of its kind. */
  answerJson(body: unknown, headers: Record<string, string> = {}, status = 200): void {
    this.answer = (_, response) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }

  /** Lets the process end while it listens. */
  unref(): void {
    this.server.unref();
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(`${request.method} ${request.url}`);
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    response.on('close', () => (this.atOnce -= 1));
    this.answer(request, response);
  }

  /** Closes the connections that are open. */
  hangUp(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Open connections included. */
  async stop(): Promise<void> {
    const stopped = new Promise((resolve) => this.server.close(resolve));
    this.hangUp();
    await stopped;
  }
}
