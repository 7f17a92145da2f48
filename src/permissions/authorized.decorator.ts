import { applyDecorators, UseGuards, UseInterceptors } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension } from '@nestjs/swagger';
import { AccessTokenGuard, LatchkeyTokenGuard } from '../access-tokens/guarding/access-token.guard';
import { CallerLimitGuard } from '../access-tokens/guarding/request-limit.guards';
import { REQUEST_LIMIT_EXAMPLE } from '../access-tokens/guarding/request-limits.service';
import { requiring } from '../access-tokens/guarding/route-rules';
import {
  AccessTokenRefusedError,
  ExpiredAccessTokenError,
  InvalidAlgorithmError,
  InvalidSignatureError,
  MalformedAccessTokenError,
  MissingAccessTokenError,
  RateLimitedError,
  type Refusal,
  REFUSALS,
  UntrustedAddressError,
} from '../access-tokens/issuing/access-tokens.errors';
import { Documented, type OperationDocs } from '../common/http/documented.decorator';
import { isRead, ReadObserver } from '../common/http/observed-call';
import { PartyInterceptor } from '../common/http/party.interceptor';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import { type Permission, ruleOf } from './permission-catalogue';
import { PermissionGuard } from './permission.guard';
import { PermissionDeniedError } from './permissions.errors';

const refusalsOfUse = (Object.keys(REFUSALS) as Refusal[]).filter((refusal) => refusal !== 'max_ttl_reached');

const REFUSALS_OF_ANY_TOKEN: readonly LatchkeyError[] = [
  new MissingAccessTokenError(),
  new MalformedAccessTokenError(),
  new InvalidSignatureError(),
  new InvalidAlgorithmError(),
  new ExpiredAccessTokenError(),
  ...refusalsOfUse.map((refusal) => new AccessTokenRefusedError(refusal)),
  new UntrustedAddressError(),
  new RateLimitedError([{ limit: 100, perSeconds: 60, remaining: 0, moreInMs: 37_000 }]),
  REQUEST_LIMIT_EXAMPLE,
];

/** A route with a caller says by which event the audit log knows it. */
export type AuthorizedDocs = OperationDocs & Required<Pick<OperationDocs, 'event'>>;

/**
 * Admits callers with a usable access token and a permission; with `'any'` a token is enough. It goes on a handler or a
 * controller of a host, like `@RequirePermission`, which says the same in two words. The permission is one that the host declares
 * in `permissions`, or one of Latchkey's own. The host's API documentation is not changed.
 *
 * An undeclared permission stops the start (LatchkeyOptionsError).
 */
export function Authorized(permission: string): MethodDecorator & ClassDecorator;
/**
 * For a route of Latchkey. Enforcement and documentation are one decorator, so that neither can be forgotten.
 *
 * @internal
 */
export function Authorized(permission: Permission | 'any', docs: AuthorizedDocs): MethodDecorator;
export function Authorized(permission: string, docs?: AuthorizedDocs): MethodDecorator & ClassDecorator {
  const guard = docs === undefined ? AccessTokenGuard : LatchkeyTokenGuard;
  const required = permission === 'any' ? requiring() : requiring(ruleOf(permission));
  if (docs === undefined) return applyDecorators(UseGuards(guard, PermissionGuard), required);
  // A request that is refused for its permission counts too.
  const enforcement = UseGuards(guard, CallerLimitGuard, PermissionGuard);
  return applyDecorators(enforcement, required, documentation(permission, docs));
}

function documentation(permission: string, docs: AuthorizedDocs): MethodDecorator {
  const isAny = permission === 'any';
  const need = isAny ? 'Any valid access token is enough.' : `Needs the permission \`${permission}\`.`;
  const denials = isAny ? [] : [new PermissionDeniedError(permission)];
  return applyDecorators(
    ApiExtension('x-permission', permission),
    // A route for any token asks the database only for verification.
    ...(isAny ? [] : [UseInterceptors(PartyInterceptor)]),
    documentationOf({ need, denials }, docs),
  );
}

/** The documentation that routes for the organization and for its projects have in common. */
export function documentationOf(
  { need, denials }: { readonly need: string; readonly denials: readonly LatchkeyError[] },
  docs: AuthorizedDocs,
): MethodDecorator {
  return applyDecorators(
    ApiBearerAuth(),
    ...(docs.event ? [ApiExtension('x-event', docs.event)] : []),
    ...(isRead(docs.event) ? [UseInterceptors(ReadObserver)] : []),
    Documented({
      ...docs,
      description: [docs.description, need].filter((text) => text !== undefined).join('\n\n'),
      refusals: [...REFUSALS_OF_ANY_TOKEN, ...denials, ...(docs.refusals ?? [])],
    }),
  );
}
