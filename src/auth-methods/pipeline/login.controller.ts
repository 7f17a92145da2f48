import { Body, Inject, Post, type Type } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import { Origin } from '../../access-tokens/guarding/actor.decorator';
import { REQUEST_LIMIT_EXAMPLE, RequestLimitsService } from '../../access-tokens/guarding/request-limits.service';
import { SignedTokenDto } from '../../access-tokens/api/dto/access-token.dtos';
import { ContractPipe } from '../../common/http/contract.pipe';
import { LatchkeyController } from '../../common/http/latchkey-controller.decorator';
import { NoStore } from '../../common/http/no-store.decorator';
import { PublicRoute } from '../../common/http/public-route.decorator';
import type { RequestOrigin } from '../../common/http/request-origin';
import { SubOrganizationNotFoundError } from '../../organizations/organizations.errors';
import { AuthMethod } from '../auth-method';
import type { AuthMethodDefinition, LoginDefinition } from '../auth-method.definition';
import { LoginRefusedError } from '../auth-methods.errors';
import { named } from '../controller-name';
import { LoginDto } from './dto/login.dto';
import { LoginPipeline, notConfigured } from './login.pipeline';
import { withMinimumFailureTime } from './minimum-failure-time';

/** The login route: one class for all methods, made from the definition of each. */
export function loginController(definition: AuthMethodDefinition, login: LoginDefinition): Type {
  const { slug, title, hasClientId } = definition;
  const { input, missing = () => notConfigured(definition) } = login;

  @LatchkeyController(`api/v1/auth/${slug}`, title)
  class LoginController {
    constructor(
      @Inject(login.method) private readonly method: AuthMethod,
      private readonly pipeline: LoginPipeline,
      private readonly limits: RequestLimitsService,
    ) {}

    @Post('login')
    @NoStore()
    @ApiBody({ type: input })
    @PublicRoute({
      summary: `Log in with ${title}`,
      description: 'The answer has an access token. An Authorization header is ignored.',
      answer: SignedTokenDto,
      refusals: [
        ...login.refusals,
        ...(hasClientId ? [] : [missing()]),
        new LoginRefusedError('not_a_member'),
        new LoginRefusedError('membership_inactive'),
        new SubOrganizationNotFoundError('acme-eu'),
        REQUEST_LIMIT_EXAMPLE,
      ],
    })
    async login(@Body(ContractPipe.of(input)) body: object, @Origin() origin: RequestOrigin): Promise<SignedTokenDto> {
      const credentials = body as LoginDto;
      const { organizationSlug } = credentials;
      const method = { definition, method: this.method, missing };
      this.limits.admitSubject(slug, subjectOf(body));
      const wanted = { credentials, organizationSlug, origin };
      const answer = await withMinimumFailureTime(() => this.pipeline.login(method, wanted));
      return { ...answer, tokenType: 'Bearer' };
    }
  }
  return named(LoginController, definition);
}

/** The name that a login is for: a client, or an identity. */
function subjectOf(body: object): unknown {
  const { clientId, identityId } = body as { clientId?: unknown; identityId?: unknown };
  return clientId ?? identityId;
}
