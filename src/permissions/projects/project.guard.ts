import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import { originOf } from '../../access-tokens/guarding/call-origin';
import { callerOf } from '../../access-tokens/guarding/caller.decorator';
import { refuse } from '../../access-tokens/guarding/transport-errors';
import { MissingAccessTokenError } from '../../access-tokens/issuing/access-tokens.errors';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { isObject } from '../../common/option-rules';
import { ValidationFailureError } from '../../common/errors/common.errors';
import { ProjectAccessService, type ProjectCaller } from './project-access.service';

const RULE = 'latchkey:project-rule';

/** The demand of a route on its caller. */
export interface ProjectRule {
  /** The permission that the caller needs in the project, such as `identity:read`; `member` is to be in it. */
  readonly permission: string;
  /** The name of the parameter that names the project: in the path, the query or the body. */
  readonly at: 'projectId' | 'projectSlug';
}

export function withProjectRule(rule: ProjectRule): MethodDecorator {
  return (_target, _name, descriptor) => Reflect.defineMetadata(RULE, rule, descriptor.value as object);
}

const callers = new WeakMap<object, ProjectCaller>();

/** Admits callers that are in the project that the request names, and have the permission of the route there. */
@Injectable()
export class ProjectGuard implements CanActivate {
  constructor(private readonly projects: ProjectAccessService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    try {
      await this.admit(context);
      return true;
    } catch (error) {
      return refuse(context, error);
    }
  }

  private async admit(context: ExecutionContext): Promise<void> {
    const { permission, at } = Reflect.getMetadata(RULE, context.getHandler()) as ProjectRule;
    const { subject } = originOf(context);
    const caller = callerOf(subject);
    if (caller === null) throw new MissingAccessTokenError();
    const request = subject as NamingRequest;
    const entered = await this.enter(caller, at, nameIn(request, at));
    if (permission !== 'member') this.projects.require(entered, permission, fieldsOf(request, permission));
    callers.set(subject, entered);
  }

  private enter(caller: VerifiedAccessToken, at: ProjectRule['at'], name: string): Promise<ProjectCaller> {
    return at === 'projectId' ? this.projects.enter(caller, name) : this.projects.enterBySlug(caller, name);
  }
}

interface NamingRequest {
  readonly params?: Record<string, unknown>;
  readonly query?: Record<string, unknown>;
  readonly body?: unknown;
}

/** @throws ValidationFailureError where the request names no project. */
function nameIn({ params, query, body }: NamingRequest, at: string): string {
  const sources = [params, query, body].filter(isObject);
  const named = sources.find((one) => Object.hasOwn(one, at));
  const name: unknown = named?.[at];
  if (typeof name === 'string' && name !== '') return name;
  throw new ValidationFailureError([{ code: 'invalid_type', path: [at], message: 'Required' }]);
}

/** The identity that the path names is the object of the question. */
function fieldsOf({ params }: NamingRequest, permission: string): { identityId: string } | undefined {
  const id = params?.identityId;
  return permission.startsWith('identity:') && typeof id === 'string' ? { identityId: id.toLowerCase() } : undefined;
}

/** Injects the caller as it is in the project that the request names. */
export const InProject = createParamDecorator((_: unknown, context: ExecutionContext): ProjectCaller => {
  const entered = callers.get(originOf(context).subject);
  if (entered === undefined) throw new TypeError('No project was entered: put @AuthorizedInProject on the route');
  return entered;
});
