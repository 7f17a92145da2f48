import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import * as net from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { closeSlowReaders } from './slow-readers';

const MANY = Buffer.alloc(16 * 2 ** 20, 'x');

describe('a connection', () => {
  let server: Server;
  const clients: net.Socket[] = [];

  beforeEach(async () => {
    server = createServer((_, response) => response.end(MANY));
    closeSlowReaders(server, { sweepMs: 20, patienceMs: 200 });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    server.close();
  });

  const ask = async () => {
    const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    clients.push(client);
    client.on('error', () => undefined).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    return { client, socket };
  };

  it('whose reader takes nothing of its answer is closed', async () => {
    const { client, socket } = await ask();
    client.pause();
    await once(socket, 'close');
    expect(socket.destroyed).toBe(true);
  });

  it('stays open while its reader goes on taking, however slowly, and when nothing is to be taken', async () => {
    const { client, socket } = await ask();
    let read = 0;
    const whole = new Promise<void>((resolve) => {
      client.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read >= MANY.length) resolve();
        client.pause();
        setTimeout(() => client.resume(), 1);
      });
    });
    await whole;
    await pause(400);
    expect(socket.destroyed).toBe(false);
  });
});
