import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { ClientConfig } from 'pg';
import { TestAuthority } from '../../../test/support/certificates';
import { withoutTlsChecks } from '../../../test/support/without-tls-checks';
import { CancellableClient } from './cancellable-client';

const authority = new TestAuthority();
const { cert, key } = authority.issue(['127.0.0.1']);

/** A database up to the greeting, which it answers with what it can read over TLS: nothing, or the user's name. */
let server: Server;
let greetings: number;
beforeAll(async () => {
  server = createServer((socket) => socket.on('error', () => undefined).once('data', () => secure(socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => (greetings = 0));
afterAll(() => server.close());

function secure(socket: Socket): void {
  socket.write('S');
  const secured = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext({ cert, key }) });
  secured
    .on('error', () => undefined)
    .on('data', () => {
      greetings += 1;
      secured.destroy();
    });
}

const portOf = () => (server.address() as AddressInfo).port;
const refusalOf = async (config: ClientConfig): Promise<string> => {
  const error = await new CancellableClient(config).connect().catch((refused: unknown) => refused);
  const { cause = error } = error as Error;
  return (cause as Error).message;
};
const at = (ssl: ClientConfig['ssl']): ClientConfig => ({ host: '127.0.0.1', port: portOf(), user: 'u', ssl });

describe('the TLS of a connection to the database', () => {
  it.each<[string, () => ClientConfig]>([
    ['ssl: true', () => at(true)],
    ['ssl: {}', () => at({})],
    ['sslmode=verify-full', () => ({ connectionString: `postgres://u@127.0.0.1:${portOf()}/d?sslmode=verify-full` })],
    ['a certificate authority', () => at({ ca: new TestAuthority().cert })],
  ])('is verified, whatever the environment of the process says: %s', async (_, config) => {
    await withoutTlsChecks(async () => {
      expect(await refusalOf(config())).toMatch(/certificate|self.signed/i);
    });
    expect(greetings).toBe(0);
  });

  it.each<[string, ClientConfig['ssl']]>([
    ['the authority is given', { ca: authority.cert, cert, key }],
    ['its address says that it is not verified', { rejectUnauthorized: false }],
  ])('comes about where %s', async (_, ssl) => {
    expect(await refusalOf(at(ssl))).toMatch(/terminated/);
    expect(greetings).toBe(1);
  });
});
