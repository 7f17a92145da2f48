import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import type { SqlRunner } from '../database/sql-runner';
import type { UnitOfWork } from '../changes/unit-of-work';
import { PermissionBoundaryError } from '../permissions/permissions.errors';
import { type Grant, missingFromNowOn } from '../permissions/projects/project-access';
import { ProjectAccessReader } from '../permissions/projects/project-access.reader';
import { ProjectAccessService, type ProjectCaller } from '../permissions/projects/project-access.service';
import { NotInProjectError, ProjectNotFoundError } from '../permissions/projects/projects.errors';
import type { Rule } from '../permissions/rules/rule';
import type { Fields } from '../permissions/rules/rule-set';
import { type Project, ProjectStore } from './project.store';

/** A caller in a project that no other transaction changes meanwhile. */
export interface HeldProject extends ProjectCaller {
  readonly project: Project;
}

/** The demand on a caller that works on a project. */
export interface Demand {
  /** As the route asks for it. */
  readonly permission: string;
  readonly fields?: Fields;
}

/** A change of what an identity may do in a project. */
export interface Regrant {
  /** In the words of a refusal: "update membership". */
  readonly what: string;
  readonly identityId: string;
  /** The permissions of which the caller needs one in order to give rights; left out where rights are only taken. */
  readonly anyOf?: readonly string[];
}

/**
 * Changes in a project. They happen one after another, and each is decided by the rights that the caller has at that moment: a
 * caller that lost its rights while it waited is refused.
 */
@Injectable()
export class ProjectWorkService {
  constructor(
    private readonly store: ProjectStore,
    private readonly reader: ProjectAccessReader,
    private readonly access: ProjectAccessService,
    private readonly clock: Clock,
  ) {}

  /** @throws ProjectNotFoundError, NotInProjectError, PermissionDeniedError */
  async begin({ run }: UnitOfWork, at: ProjectCaller, { permission, fields }: Demand): Promise<HeldProject> {
    const { caller, projectId } = at;
    const project = await this.store.hold(run, projectId, caller.organization.id);
    if (project === undefined) throw new ProjectNotFoundError(projectId);
    const access = await this.reader.within(run, memberOf(at, caller.identityId), projectId);
    if (!access?.facts.isMember) throw new NotInProjectError();
    const held = { ...at, access, project };
    this.access.require(held, permission, fields);
    return held;
  }

  /**
   * Makes a change of what an identity may do. The caller covers what the identity has before and what it has after, from now on
   * for ever; if it does not, nothing has happened.
   *
   * @throws PermissionBoundaryError
   */
  async regrant<T>(run: SqlRunner, held: HeldProject, regrant: Regrant, change: () => Promise<T>): Promise<T> {
    const { what, identityId, anyOf } = regrant;
    const before = await this.grantsOf(run, held, identityId);
    this.requireCovered(held, before, what);
    const changed = await change();
    const after = await this.grantsOf(run, held, identityId);
    this.requireCovered(held, after, what);
    if (anyOf !== undefined && [...before, ...after].some(allowsSomething))
      this.requireOne(held, { ...regrant, anyOf });
    return changed;
  }

  /** @throws PermissionBoundaryError */
  requireCovered(held: HeldProject, grants: readonly Grant[], what: string): void {
    const missing = missingFromNowOn(held, grants, this.clock.epochMs());
    if (missing.length > 0) throw new PermissionBoundaryError(what, missing);
  }

  /** The same for rules that anyone may have some day. @throws PermissionBoundaryError */
  requireRulesCovered(held: HeldProject, rules: readonly Rule[], what: string): void {
    const source = { type: 'role', id: '', slug: '', via: null } as const;
    this.requireCovered(held, [{ source, startsMs: -Infinity, endsMs: Infinity, rules }], what);
  }

  private requireOne(held: HeldProject, { what, identityId, anyOf }: Required<Regrant>): void {
    if (anyOf.some((permission) => this.access.may(held, permission, { identityId }))) return;
    const [subject = '', action = ''] = anyOf[0]!.split(':');
    throw new PermissionBoundaryError(what, [{ action, subject }]);
  }

  private async grantsOf(run: SqlRunner, held: HeldProject, identityId: string): Promise<readonly Grant[]> {
    const access = await this.reader.within(run, memberOf(held, identityId), held.projectId);
    return access?.facts.grants ?? [];
  }
}

function memberOf({ caller }: ProjectCaller, identityId: string) {
  return { identityId, organizationId: caller.organization.id };
}

function allowsSomething({ rules }: Grant): boolean {
  return rules.some(({ inverted }) => !inverted);
}
