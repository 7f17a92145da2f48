import { Controller, type ExecutionContext, Get, UseGuards } from '@nestjs/common';
import { AccessTokenGuard } from './access-token.guard';
import { OptionalAccessToken, Public, RequireMetadata, rulesOf } from './route-rules';

@Public()
@Controller()
class OpenController {
  @Get()
  list(this: void) {
    return [];
  }
}

@UseGuards(AccessTokenGuard)
@Controller()
class ClosedController extends OpenController {}

@Controller()
class AlsoOpenController extends OpenController {}

@OptionalAccessToken()
@Controller()
class MixedController {
  @Get()
  anyone(this: void) {
    return [];
  }

  @RequireMetadata({ plan: 'gold' })
  @Get('gold')
  gold(this: void) {
    return [];
  }
}

const rules = (controller: object, handler: object) =>
  rulesOf({ getClass: () => controller, getHandler: () => handler } as ExecutionContext);

describe('the rules of a handler', () => {
  const { list } = OpenController.prototype;
  const { anyone, gold } = MixedController.prototype;

  // Seen red: every handler of a subclass was open to all, whatever guard the subclass has.
  it('are not those of a public class that its controller extends, where the controller has a guard of its own', () => {
    expect(rules(OpenController, list).isPublic).toBe(true);
    expect(rules(ClosedController, list).isPublic).toBe(false);
    expect(rules(AlsoOpenController, list).isPublic).toBe(true);
  });

  // Seen red: a request without a token passed, and no label was looked at.
  it('require a token for labels, also where the controller requires none', () => {
    expect(rules(MixedController, anyone).isOptional).toBe(true);
    expect(rules(MixedController, gold).isOptional).toBe(false);
  });
});
