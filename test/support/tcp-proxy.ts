import * as net from 'node:net';
import { EventEmitter, once } from 'node:events';
import * as path from 'node:path';

/** Stands between Latchkey and its database, and can be cut. */
export interface TcpProxy {
  /** The database's url, by way of the proxy. */
  readonly url: string;
  /** Nobody listens any more, and every connection is dropped. */
  cut(): Promise<void>;
  /** Connections are accepted and kept, but nothing gets through. */
  stall(): void;
  /** When somebody has given up waiting while it was stalled. */
  givenUp(): Promise<void>;
  /** Everything gets through again. What was stalled is dropped. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

/** A proxy on 127.0.0.1 in front of a PostgreSQL that is reached by TCP or by a unix socket (`?host=/directory`). */
export async function startTcpProxy(databaseUrl: string): Promise<TcpProxy> {
  const destination = destinationOf(new URL(databaseUrl));
  const sockets = new Set<net.Socket>();
  let isStalled = false;
  const givingUp = new EventEmitter();

  const dropAll = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const keep = (socket: net.Socket) => {
    sockets.add(socket);
    // A dropped connection is what this is for.
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const server = net.createServer((client) => {
    const upstream = net.connect(destination);
    keep(client);
    keep(upstream);
    client
      .on('data', (data) => isStalled || upstream.write(data))
      .on('close', () => {
        upstream.destroy();
        if (isStalled) givingUp.emit('one');
      });
    upstream.on('data', (data) => isStalled || client.write(data)).on('close', () => client.destroy());
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as net.AddressInfo).port;
  };
  const cut = async () => {
    const closed = server.listening ? once(server, 'close') : undefined;
    if (closed) server.close();
    dropAll();
    await closed;
  };
  const port = await listen(0);
  return {
    url: throughPort(databaseUrl, port),
    cut,
    stall: () => {
      isStalled = true;
    },
    givenUp: async () => void (await once(givingUp, 'one')),
    restore: async () => {
      if (isStalled) dropAll();
      isStalled = false;
      if (!server.listening) await listen(port);
    },
    stop: cut,
  };
}

function destinationOf(url: URL): net.NetConnectOpts {
  const port = url.port || '5432';
  const directory = url.searchParams.get('host');
  if (directory?.startsWith('/')) {
    return { path: path.join(directory, `.s.PGSQL.${url.searchParams.get('port') ?? port}`) };
  }
  return { host: directory ?? url.hostname, port: Number(port) };
}

function throughPort(databaseUrl: string, port: number): string {
  const url = new URL(databaseUrl);
  url.searchParams.delete('host');
  url.searchParams.delete('port');
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url.href;
}
