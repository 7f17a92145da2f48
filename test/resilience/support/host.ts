import path from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type * as Latchkey from '../../../src';

/** The build, as the nodes run it. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- built by now, and not when this file is compiled
const built = require(path.join(__dirname, '../../../dist/src')) as typeof Latchkey;

/** An application that has Latchkey in its own process, without the REST API. */
export class ResilienceHost {
  private constructor(private readonly app: INestApplicationContext) {}

  static async start(url: string, authSecret: string): Promise<ResilienceHost> {
    const options = { database: { url }, authSecret, controllers: false } as const;
    return new ResilienceHost(
      await NestFactory.createApplicationContext(built.LatchkeyModule.forRoot(options), { logger: false }),
    );
  }

  get tokens(): Latchkey.AccessTokens {
    return this.app.get(built.AccessTokens, { strict: false });
  }

  get identities(): Latchkey.MachineIdentities {
    return this.app.get(built.MachineIdentities, { strict: false });
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}
