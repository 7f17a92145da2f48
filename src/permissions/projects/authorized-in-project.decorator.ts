import { applyDecorators, UseGuards, UseInterceptors } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { LatchkeyTokenGuard } from '../../access-tokens/guarding/access-token.guard';
import { requiring } from '../../access-tokens/guarding/route-rules';
import { EXAMPLE } from '../../common/dto/examples';
import { PartyInterceptor } from '../../common/http/party.interceptor';
import { type AuthorizedDocs, documentationOf } from '../authorized.decorator';
import { PermissionDeniedError } from '../permissions.errors';
import { type PROJECT_SUBJECTS } from './project-subjects';
import { ProjectGuard, type ProjectRule, withProjectRule } from './project.guard';
import { NotInProjectError, ProjectNotFoundError, ProjectSlugNotFoundError } from './projects.errors';

type Catalogue = typeof PROJECT_SUBJECTS;

/** `identity:create-token`, `role:read`, ... */
export type ProjectPermission = { [S in keyof Catalogue]: `${S}:${Catalogue[S][number]}` }[keyof Catalogue];

/**
 * Admits callers that are in a project and have a permission there; with `member`, to be in it is enough. Enforcement and
 * documentation are one decorator, so that neither can be forgotten.
 *
 * @param at the parameter that names the project, in the path, the query or the body.
 */
export function AuthorizedInProject(
  permission: ProjectPermission | 'member',
  docs: AuthorizedDocs,
  at: ProjectRule['at'] = 'projectId',
): MethodDecorator {
  const isAny = permission === 'member';
  const need = isAny ? 'You must be in the project.' : `Needs the permission \`${permission}\` in the project.`;
  const unknown =
    at === 'projectId' ? new ProjectNotFoundError(EXAMPLE.projectId) : new ProjectSlugNotFoundError('billing');
  const denials = [unknown, new NotInProjectError(), ...(isAny ? [] : [new PermissionDeniedError(permission)])];
  return applyDecorators(
    UseGuards(LatchkeyTokenGuard, ProjectGuard),
    requiring(),
    withProjectRule({ permission, at }),
    ApiExtension('x-permission', 'any'),
    ApiExtension('x-project-permission', permission),
    UseInterceptors(PartyInterceptor),
    documentationOf({ need, denials }, docs),
  );
}

/**
 * The same for a route that names no project: the object that it names is in one, and the handler enters that project before it
 * answers anything about the object.
 */
export function AuthorizedInItsProject(permission: ProjectPermission, docs: AuthorizedDocs): MethodDecorator {
  const need = `Needs the permission \`${permission}\` in its project.`;
  return applyDecorators(
    UseGuards(LatchkeyTokenGuard),
    requiring(),
    ApiExtension('x-permission', 'any'),
    ApiExtension('x-project-permission', permission),
    UseInterceptors(PartyInterceptor),
    documentationOf({ need, denials: [new NotInProjectError(), new PermissionDeniedError(permission)] }, docs),
  );
}
