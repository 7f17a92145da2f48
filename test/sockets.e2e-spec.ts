import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type INestApplication, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Args, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { type RawData, WebSocket } from 'ws';
import { AccessTokenGuard, Caller, LatchkeyModule, type VerifiedAccessToken } from '../src';
import { LatchkeyTestKit } from '../src/testing';

function latchkeyModule() {
  return LatchkeyModule.forRoot({
    database: { url: process.env.LATCHKEY_TEST_DATABASE! },
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

  it('is judged operation by operation, so that a revocation ends what an open socket can do', async () => {
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
