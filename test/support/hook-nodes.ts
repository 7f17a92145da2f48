import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { type AccessTokenEvent, AccessTokens, LatchkeyModule, MachineIdentities, OnAccessToken } from '../../src';
import { Clock } from '../../src/common/clock/clock';
import { TestClock } from '../../src/testing/test-clock';

type Ear = 'inMemory' | 'inMemoryToo' | 'fromOutbox' | 'besides';

/** What the handlers of all nodes of this process have heard, in that order. */
export const HEARD: Record<Ear, AccessTokenEvent[]> = { inMemory: [], inMemoryToo: [], fromOutbox: [], besides: [] };

/** How the handlers of a node fail. */
@Injectable()
export class Heard {
  fault: ((event: AccessTokenEvent, ear: Ear) => unknown) | undefined;
}

@Injectable()
class InMemory {
  constructor(private readonly heard: Heard) {}

  @OnAccessToken('issued')
  @OnAccessToken('rotated')
  @OnAccessToken('revoked')
  @OnAccessToken('expired')
  @OnAccessToken('refused')
  @OnAccessToken('firstUsed')
  note(event: AccessTokenEvent) {
    HEARD.inMemory.push(event);
    return this.heard.fault?.(event, 'inMemory');
  }
}

@Injectable()
class InMemoryToo {
  @OnAccessToken('revoked')
  note(event: AccessTokenEvent) {
    HEARD.inMemoryToo.push(event);
  }
}

@Injectable()
class FromOutbox {
  constructor(private readonly heard: Heard) {}

  @OnAccessToken('issued', { atLeastOnce: true })
  @OnAccessToken('rotated', { atLeastOnce: true })
  @OnAccessToken('revoked', { atLeastOnce: true })
  @OnAccessToken('expired', { atLeastOnce: true })
  @OnAccessToken('firstUsed', { atLeastOnce: true })
  async note(event: AccessTokenEvent) {
    await this.heard.fault?.(event, 'fromOutbox');
    HEARD.fromOutbox.push(event);
  }
}

@Injectable()
class Besides {
  @OnAccessToken('issued', { atLeastOnce: true })
  note(event: AccessTokenEvent) {
    HEARD.besides.push(event);
  }
}

@Module({ providers: [Heard], exports: [Heard] })
class HeardModule {}
@Module({ imports: [HeardModule], providers: [InMemory, InMemoryToo, FromOutbox, Besides] })
class HandlersModule {}

/** An application of a host, with handlers unless it is said. */
export interface HookNode {
  readonly app: NestFastifyApplication;
  readonly clock: TestClock;
  readonly heard: Heard;
  readonly tokens: AccessTokens;
  readonly identities: MachineIdentities;
}

export async function startHookNode(url: string, authSecret: string, hasHandlers = true): Promise<HookNode> {
  const clock = new TestClock();
  const database = { url, pushUrl: false as const };
  const latchkey = LatchkeyModule.forRoot({ database, authSecret, migrate: 'never', maintenance: false });
  const testing = await Test.createTestingModule({ imports: [latchkey, hasHandlers ? HandlersModule : HeardModule] })
    .overrideProvider(Clock)
    .useValue(clock)
    .compile();
  const app = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const of = <T>(type: new (...args: never[]) => T): T => app.get(type, { strict: false });
  return { app, clock, heard: of(Heard), tokens: of(AccessTokens), identities: of(MachineIdentities) };
}
