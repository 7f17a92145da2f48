import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/constants';
import { ForbiddenError } from '../../common/errors/latchkey.error';
import { isLatchkeyController } from '../../common/http/latchkey-controller.decorator';

const PUBLIC = 'latchkey:public';
const OPTIONAL = 'latchkey:optional-access-token';
const METADATA = 'latchkey:required-metadata';
const PERMISSIONS = 'latchkey:required-permissions';

/** Labels that an identity must have: each key with its value. */
export type RequiredMetadata = Readonly<Record<string, string>>;

/** A permission that a route requires. */
export interface RequiredPermission {
  readonly action: string;
  readonly subject: string;
}

/**
 * On a handler or controller of an application whose guard for all routes is `AccessTokenGuard`: every request passes, and a
 * token in it is not looked at. On a controller it counts for the handlers that have no guard and no rule of their own.
 */
export function Public(): MethodDecorator & ClassDecorator {
  return SetMetadata(PUBLIC, true);
}

/**
 * On a handler or controller guarded by `AccessTokenGuard`: a request without a token passes, and has no caller. An unusable
 * token is refused as on every other route, because its sender means to be identified.
 */
export function OptionalAccessToken(): MethodDecorator & ClassDecorator {
  return SetMetadata(OPTIONAL, true);
}

/**
 * On a handler or controller guarded by `AccessTokenGuard`: only identities with these labels pass. Others get 403
 * (`MissingMetadataError`).
 */
export function RequireMetadata(labels: RequiredMetadata): MethodDecorator & ClassDecorator {
  return SetMetadata(METADATA, labels);
}

/** Adds permissions to those that a handler or controller requires; none means that a usable token is enough. */
export function requiring(...permissions: readonly RequiredPermission[]): MethodDecorator & ClassDecorator {
  return (target: object, _name?: string | symbol, descriptor?: PropertyDescriptor) => {
    const place = descriptor === undefined ? target : (descriptor.value as object);
    const others = (Reflect.getOwnMetadata(PERMISSIONS, place) ?? []) as RequiredPermission[];
    Reflect.defineMetadata(PERMISSIONS, [...others, ...permissions], place);
  };
}

/** The identity does not have the labels that a route requires. The message names the keys and no values. */
export class MissingMetadataError extends ForbiddenError {
  constructor(keys: readonly string[]) {
    super('metadata_missing', `The identity must have other metadata: ${keys.join(', ')}`);
  }
}

/** The rules that the decorators of a handler or a controller set. */
export interface OwnRules {
  readonly isPublic: boolean;
  readonly isOptional: boolean;
  readonly metadata: RequiredMetadata | undefined;
  /** Undefined where no decorator names a permission. */
  readonly permissions: readonly RequiredPermission[] | undefined;
  /** Whether it has a guard of any kind. */
  readonly isGuarded: boolean;
}

/** The rules of a handler, as the guards need them. */
export interface RouteRules extends OwnRules {
  readonly controller: object;
  /** Whether it is a route of Latchkey. */
  readonly isLatchkeys: boolean;
}

export function ownRulesOf(place: object): OwnRules {
  return {
    isPublic: isPublicPlace(place),
    isOptional: Reflect.getMetadata(OPTIONAL, place) === true,
    metadata: Reflect.getMetadata(METADATA, place) as RequiredMetadata | undefined,
    permissions: Reflect.getMetadata(PERMISSIONS, place) as readonly RequiredPermission[] | undefined,
    isGuarded: ((Reflect.getMetadata(GUARDS_METADATA, place) ?? []) as unknown[]).length > 0,
  };
}

const DEMANDS = [GUARDS_METADATA, OPTIONAL, METADATA, PERMISSIONS];

/** A controller inherits `@Public()` from another class only while it has no guard and no rule of its own. */
function isPublicPlace(place: object): boolean {
  if (Reflect.getMetadata(PUBLIC, place) !== true) return false;
  return Reflect.hasOwnMetadata(PUBLIC, place) || !DEMANDS.some((key) => Reflect.hasOwnMetadata(key, place));
}

/** Whether a handler or controller requires something of the caller. */
export function isDemanding({ isOptional, metadata, permissions }: OwnRules): boolean {
  return isOptional || metadata !== undefined || permissions !== undefined;
}

const known = new WeakMap<object, RouteRules>();

/** Read once for each handler, because they stand in the code, and again for a handler that several controllers inherit. */
export function rulesOf(context: ExecutionContext): RouteRules {
  const handler = context.getHandler();
  const controller = context.getClass();
  const rules = known.get(handler);
  return rules?.controller === controller ? rules : readRules(handler, controller);
}

function readRules(handler: object, controller: object): RouteRules {
  const [near, far] = [ownRulesOf(handler), ownRulesOf(controller)];
  const rules = {
    controller,
    isLatchkeys: isLatchkeyController(controller),
    // A decorator nearer to the handler wins. A guard there means that the handler is not public.
    isPublic: near.isPublic || (far.isPublic && !near.isGuarded && !isDemanding(near)),
    isOptional: isOptionalAt(near, far),
    metadata: near.metadata ?? far.metadata,
    permissions: near.permissions ?? far.permissions,
    isGuarded: near.isGuarded || far.isGuarded,
  };
  known.set(handler, rules);
  return rules;
}

/** A handler that requires labels or a permission requires a token, whatever its controller says. */
function isOptionalAt(handler: OwnRules, controller: OwnRules): boolean {
  return handler.isOptional || (controller.isOptional && !isDemanding(handler));
}

const guardedByApplication = new WeakSet<object>();

/** Notes that an application has guards for all its routes: those of these controllers too. */
export function noteGuardedByApplication(controllers: readonly object[]): void {
  for (const controller of controllers) guardedByApplication.add(controller);
}

/** Whether any guard can have let the call in. */
export function isGuarded(context: ExecutionContext): boolean {
  const { isPublic, isGuarded, controller } = rulesOf(context);
  return isPublic || isGuarded || guardedByApplication.has(controller);
}
