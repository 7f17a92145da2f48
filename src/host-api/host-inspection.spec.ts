import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { ON_REFUSAL } from '../common/http/observed-call';
import { LatchkeySettings } from '../latchkey.options';
import { ApplicationRoutesService } from './application-routes.service';
import { HostInspection } from './host-inspection';

const refusals = { provide: ON_REFUSAL, useValue: () => undefined };

@LatchkeyController('api/first', 'First')
class FirstController {
  @Get()
  get(): void {
    // Routes are only looked at here.
  }
}

@LatchkeyController('api/last', 'Last')
class LastController extends FirstController {}

@Controller()
class HostController {
  @Get('api/first{/*rest}')
  catchFirst(): void {
    // As above.
  }
}

@Controller()
class GreedyController {
  @Get('api/last{/*rest}')
  catchLast(): void {
    // As above.
  }
}

@Module({ controllers: [FirstController], providers: [refusals] })
class FirstModule {}

@Module({ controllers: [HostController] })
class HostModule {}

@Module({ controllers: [GreedyController] })
class GreedyModule {}

@Module({ controllers: [LastController], providers: [refusals] })
class LastModule {}

const settings = { provide: LatchkeySettings, useValue: { hostPermissions: {} } };

async function inspect(...imports: object[]): Promise<void> {
  @Module({ imports: imports as [], providers: [ApplicationRoutesService, HostInspection, settings] })
  class RootModule {}
  const app = await NestFactory.create(RootModule, { logger: false, abortOnError: false });
  try {
    app.get(HostInspection).requireRoom();
  } finally {
    await app.close();
  }
}

describe('a catch-all route of a host between routes of Latchkey, on Express', () => {
  it('is no fault where it comes after all that it matches', async () => {
    await expect(inspect(FirstModule, HostModule, LastModule)).resolves.toBeUndefined();
  });

  it('is a fault where it comes before one that it matches', async () => {
    const fault = /GET \/api\/last\{\/\*rest\}, or GreedyController\.catchLast/;
    await expect(inspect(FirstModule, GreedyModule, LastModule)).rejects.toThrow(fault);
  });
});
