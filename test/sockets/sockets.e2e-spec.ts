import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type Client, credentials, loadPackageDefinition, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Controller, type INestApplication, type INestMicroservice, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Args, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { GrpcMethod, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type RawData, WebSocket } from 'ws';
import {
  AccessTokenGuard,
  Authorized,
  Caller,
  LatchkeyModule,
  rememberHandshake,
  type VerifiedAccessToken,
} from '../../src';
import { LatchkeyTestKit, type TestToken } from '../../src/testing';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';

function latchkeyModule(database = { url: process.env.LATCHKEY_TEST_DATABASE! }) {
  return LatchkeyModule.forRoot({
    database,
    authSecret: randomBytes(48).toString('base64'),
    migrate: 'never',
    controllers: false,
    permissions: { 'reports:read': ['member'] },
  });
}

async function addressOf(app: INestApplication): Promise<string> {
  return (await app.getUrl()).replace('http', 'ws');
}

@Resolver()
class MeResolver {
  @Query(() => String)
  @UseGuards(AccessTokenGuard)
  me(@Caller() { identityName }: VerifiedAccessToken, @Args('greeting', { nullable: true }) greeting: string = '') {
    return greeting + identityName;
  }
}

describe('the packages of this suite', () => {
  it('hold no second Nest, whose guards and exceptions would be other classes', () => {
    const nest = ['common', 'core', 'microservices', 'websockets'].map((name) => `node_modules/@nestjs/${name}`);
    const root = path.join(__dirname, '../..');
    expect(nest.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
    expect(nest.filter((name) => existsSync(path.join(__dirname, name)))).toEqual([]);
  });
});

describe('GraphQL over a web socket', () => {
  let app: INestApplication;
  let latchkey: LatchkeyTestKit;

  beforeAll(async () => {
    const graphql = GraphQLModule.forRoot<MercuriusDriverConfig>({
      driver: MercuriusDriver,
      autoSchemaFile: true,
      context: (request: unknown) => ({ req: request }),
      subscription: { fullWsTransport: true },
    });
    @Module({ imports: [graphql, latchkeyModule()], providers: [MeResolver] })
    class HostModule {}
    app = await NestFactory.create(HostModule, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    latchkey = new LatchkeyTestKit(app);
  });
  afterAll(() => app.close());

  /** A client of the protocol graphql-transport-ws. */
  async function connect(headers: Readonly<Record<string, string>>) {
    const socket = new WebSocket(`${await addressOf(app)}/graphql`, 'graphql-transport-ws', { headers });
    await once(socket, 'open');
    const waiting = new Map<string, (payload: unknown) => void>();
    socket.on('message', (text: RawData) => {
      const { id, type, payload } = JSON.parse((text as Buffer).toString()) as Record<string, string>;
      if (type === 'next' || type === 'connection_ack') waiting.get(id ?? 'init')?.(payload);
    });
    const send = (id: string, message: object) =>
      new Promise((resolve) => {
        waiting.set(id, resolve);
        socket.send(JSON.stringify(message));
      });
    await send('init', { type: 'connection_init' });
    let count = 0;
    const ask = async (query: string, variables?: object) => {
      const id = String((count += 1));
      const answer = await send(id, { id, type: 'subscribe', payload: { query, variables } });
      const { data, errors } = answer as { data: unknown; errors?: { message: string }[] };
      return errors?.[0]?.message ?? data;
    };
    return { ask, close: () => socket.close() };
  }

  it('is verified operation by operation, so that a revocation ends what an open socket can do', async () => {
    const token = await latchkey.token({ name: 'I' });
    const { ask, close } = await connect(token.headers);
    expect(await ask('{ me }')).toEqual({ me: 'I' });
    expect(await ask('query ($to: String) { me(greeting: $to) }', { to: 'hello, ' })).toEqual({ me: 'hello, I' });
    await latchkey.revoke(token);
    expect(await ask('{ me }')).toBe('Failed to authorize: token has been revoked');
    expect(await ask('query ($to: String) { me(greeting: $to) }', { to: 'x' })).toMatch(/revoked/);
    close();
  });

  it('spends one use for each operation, however many fields it asks for', async () => {
    const { ask, close } = await connect((await latchkey.token({ name: 'I', uses: 2 })).headers);
    expect(await ask('{ me, again: me }')).toEqual({ me: 'I', again: 'I' });
    expect(await ask('{ me, again: me }')).toEqual({ me: 'I', again: 'I' });
    expect(await ask('{ me, again: me }')).toBe('Failed to authorize: token usage limit reached');
    close();
  });

  it('tells callers apart who ask the same at the same time', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `caller ${index}`);
    const clients = await Promise.all(
      names.map(async (name) => connect((await latchkey.token({ name, uses: 50 })).headers)),
    );
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(clients.map(({ ask }) => ask('{ me }')));
      expect(answers).toEqual(names.map((me) => ({ me })));
    }
    for (const { close } of clients) close();
  });

  it('refuses a socket that was opened without a token', async () => {
    const { ask, close } = await connect({});
    expect(await ask('{ me }')).toBe('Token missing');
    close();
  });
});

@WebSocketGateway({ path: '/gateway' })
class MeGateway implements OnGatewayConnection {
  handleConnection(client: WebSocket, request: IncomingMessage): void {
    rememberHandshake(client, request);
  }

  @SubscribeMessage('me')
  @UseGuards(AccessTokenGuard)
  me(@Caller('identityName') me: string) {
    return { event: 'me', data: me };
  }

  @SubscribeMessage('reports')
  @Authorized('reports:read')
  reports() {
    return { event: 'reports', data: 'a report' };
  }
}

describe('a gateway whose filters are those Nest has', () => {
  let app: INestApplication;
  let latchkey: LatchkeyTestKit;

  beforeAll(async () => {
    @Module({ imports: [latchkeyModule()], providers: [MeGateway] })
    class HostModule {}
    app = await NestFactory.create(HostModule, new FastifyAdapter(), { logger: false });
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    latchkey = new LatchkeyTestKit(app);
  });
  afterAll(() => app.close());

  async function connect(headers: Readonly<Record<string, string>>) {
    const socket = new WebSocket(`${await addressOf(app)}/gateway`, { headers });
    await once(socket, 'open');
    const ask = async (event: string) => {
      socket.send(JSON.stringify({ event }));
      const [text] = (await once(socket, 'message')) as [Buffer];
      return JSON.parse(text.toString()) as unknown;
    };
    return { ask, close: () => socket.close() };
  }

  const refusal = (errorCode: string, message: string) => ({
    event: 'exception',
    data: { status: 'error', message, errorCode },
  });

  it('says why a message is refused', async () => {
    const token = await latchkey.token({ name: 'I' });
    const { ask, close } = await connect(token.headers);
    expect(await ask('me')).toEqual({ event: 'me', data: 'I' });
    expect(await ask('reports')).toEqual(refusal('permission_denied', 'You are not allowed to read on reports'));
    await latchkey.revoke(token);
    const revoked = refusal('access_token_revoked', 'Failed to authorize: token has been revoked');
    expect(await ask('me')).toEqual(revoked);
    close();
    const stranger = await connect({});
    expect(await stranger.ask('me')).toEqual(refusal('access_token_missing', 'Token missing'));
    stranger.close();
  });
});

@Controller()
class MeService {
  @GrpcMethod('Me', 'Say')
  @UseGuards(AccessTokenGuard)
  say(@Caller('identityName') me: string) {
    return { me };
  }

  @GrpcMethod('Me', 'Report')
  @Authorized('reports:read')
  report() {
    return { me: 'a report' };
  }
}

const PROTO = `
  syntax = "proto3";
  package latchkey;
  service Me { rpc Say (Nothing) returns (Answer); rpc Report (Nothing) returns (Answer); }
  message Nothing {}
  message Answer { string me = 1; }`;

type Call = (asked: object, metadata: Metadata, done: (error: ServiceError | null, answer: object) => void) => void;

interface MeClient extends Client {
  readonly Say: Call;
  readonly Report: Call;
}

/** A microservice says to nobody which port the system gave it. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('gRPC whose filters are those Nest has', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'latchkey-proto-'));
  const protoPath = path.join(dir, 'me.proto');
  let proxy: TcpProxy;
  let app: INestMicroservice;
  let client: MeClient;
  let latchkey: LatchkeyTestKit;

  beforeAll(async () => {
    writeFileSync(protoPath, PROTO);
    proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    @Module({ imports: [latchkeyModule({ url: proxy.url })], controllers: [MeService] })
    class HostModule {}
    const url = `127.0.0.1:${await freePort()}`;
    app = await NestFactory.createMicroservice<MicroserviceOptions>(HostModule, {
      transport: Transport.GRPC,
      options: { package: 'latchkey', protoPath, url },
      logger: false,
    });
    await app.listen();
    latchkey = new LatchkeyTestKit(app);
    const loaded = loadPackageDefinition(loadSync(protoPath)) as unknown as {
      latchkey: { Me: new (url: string, creds: unknown) => MeClient };
    };
    client = new loaded.latchkey.Me(url, credentials.createInsecure());
  });
  afterAll(async () => {
    client.close();
    await app.close();
    await proxy.stop();
    rmSync(dir, { recursive: true });
  });

  const call = (method: 'Say' | 'Report', token?: TestToken) =>
    new Promise((resolve) => {
      const metadata = new Metadata();
      if (token !== undefined) metadata.set('authorization', token.headers.authorization);
      client[method]({}, metadata, (error, answer) => resolve(error ? [error.code, error.details] : answer));
    });

  it('says why a call is refused, with the status that is meant for it', async () => {
    const token = await latchkey.token({ name: 'I' });
    expect(await call('Say', token)).toEqual({ me: 'I' });
    expect(await call('Say')).toEqual([status.UNAUTHENTICATED, 'Token missing']);
    const denied = 'You are not allowed to read on reports';
    expect(await call('Report', token)).toEqual([status.PERMISSION_DENIED, denied]);
    await latchkey.revoke(token);
    const revoked = 'Failed to authorize: token has been revoked';
    expect(await call('Say', token)).toEqual([status.UNAUTHENTICATED, revoked]);
    const unknown = await latchkey.token();
    await proxy.cut();
    const away = 'The database is not available. Please try again.';
    expect(await call('Say', unknown)).toEqual([status.UNAVAILABLE, away]);
  });
});
