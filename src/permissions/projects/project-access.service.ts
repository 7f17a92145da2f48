import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { ChangeFeedService } from '../../change-feed/change-feed.service';
import { Clock } from '../../common/clock/clock';
import { isId } from '../../common/ids';
import { PermissionDeniedError } from '../permissions.errors';
import { conditionsIn } from '../rules/rule';
import type { Fields } from '../rules/rule-set';
import type { ProjectAccess, ProjectHolder } from './project-access';
import { type Member, ProjectAccessReader } from './project-access.reader';
import { NotInProjectError, ProjectNotFoundError, ProjectSlugNotFoundError } from './projects.errors';

/** The most memory for what is remembered, over all identities and projects: in bytes, roughly. */
const MOST_BYTES = 64_000_000;
/** A prepared rule, or a text of its conditions, takes about this many bytes beside its characters. */
const BYTES_OF_TEXT = 100;
const MOST_ENTRIES = 20_000;

/** A caller in a project: a project of the caller's organization that the caller is in. */
export interface ProjectCaller extends ProjectHolder {
  readonly caller: VerifiedAccessToken;
  readonly projectId: string;
  readonly slug: string;
  readonly name: string;
}

interface Known {
  /** Null if there is no such project in the organization. */
  readonly access: ProjectAccess | null;
  readonly readAt: number;
  changesAt: number;
}

interface Lookup {
  readonly startedAt: number;
  readonly result: Promise<Known>;
}

/**
 * The rights of callers in projects. A node remembers the rights of an identity in a project on the same terms as the facts of a
 * token: while the change feed is fresh, and while no change of the identity, the project, a role or a group is known that came
 * after the read. So what was taken away is gone on every node within the same bound as a revoked token, and a remembered answer
 * asks no query.
 */
@Injectable()
export class ProjectAccessService {
  private readonly known = new LRUCache<string, Known>({
    max: MOST_ENTRIES,
    maxSize: MOST_BYTES,
    sizeCalculation: ({ access }) => (access === null ? 1 : bytesOf(access)),
  });
  private readonly lookups = new Map<string, Lookup>();

  constructor(
    private readonly reader: ProjectAccessReader,
    private readonly changeFeed: ChangeFeedService,
    private readonly clock: Clock,
  ) {}

  /**
   * The caller in a project. @throws ProjectNotFoundError for a project that the organization does not have; NotInProjectError
   * for one that the caller is not in.
   */
  async enter(caller: VerifiedAccessToken, projectId: string): Promise<ProjectCaller> {
    if (!isId(projectId)) throw new ProjectNotFoundError(projectId);
    const member = { identityId: caller.identityId, organizationId: caller.organization.id };
    const access = await this.accessOf(member, projectId.toLowerCase());
    if (access === null) throw new ProjectNotFoundError(projectId);
    if (!access.facts.isMember) throw new NotInProjectError();
    const { projectId: id, slug, name } = access.facts;
    return { caller, access, permissions: caller.permissions, projectId: id, slug, name };
  }

  /** The same for a slug, which costs a query. @throws ProjectSlugNotFoundError, NotInProjectError */
  async enterBySlug(caller: VerifiedAccessToken, slug: string): Promise<ProjectCaller> {
    const id = isSlug(slug) ? await this.reader.idOf(caller, slug) : undefined;
    if (id === undefined) throw new ProjectSlugNotFoundError(slug);
    return this.enter(caller, id).catch((error: unknown) => {
      // It was deleted a moment ago.
      throw error instanceof ProjectNotFoundError ? new ProjectSlugNotFoundError(slug) : error;
    });
  }

  /** @param fields those of the object in question; left out, some object is enough. */
  may({ access, permissions }: ProjectHolder, permission: string, fields?: Fields): boolean {
    const [subject = '', action = ''] = permission.split(':');
    if (permissions !== null && !(Object.hasOwn(permissions, subject) && permissions[subject]!.includes(action))) {
      return false;
    }
    const nowMs = this.clock.epochMs();
    return fields === undefined
      ? access.mayAllow(nowMs, action, subject)
      : access.allows(nowMs, action, subject, fields);
  }

  /** @throws PermissionDeniedError */
  require(holder: ProjectHolder, permission: string, fields?: Fields): void {
    if (!this.may(holder, permission, fields)) throw new PermissionDeniedError(permission);
  }

  private async accessOf(member: Member, projectId: string): Promise<ProjectAccess | null> {
    const key = `${member.organizationId} ${member.identityId} ${projectId}`;
    const remembered = this.known.get(key);
    if (remembered !== undefined && this.isTrue(remembered, member, projectId)) return remembered.access;
    const askedAt = performance.now();
    for (;;) {
      const lookup = this.lookups.get(key) ?? this.begin(key, member, projectId);
      const found = await lookup.result;
      // A read that was under way already may have read before a change that was acknowledged before this call.
      if (lookup.startedAt < askedAt && !this.isTrue(found, member, projectId)) continue;
      this.known.set(key, found);
      return found.access;
    }
  }

  private begin(key: string, member: Member, projectId: string): Lookup {
    const readAt = performance.now();
    const changesAt = this.changeFeed.changes.now;
    const result = this.reader
      .find(member, projectId)
      .then((access) => ({ access, readAt, changesAt }))
      // Failures are not remembered: the next request asks the database.
      .finally(() => this.lookups.delete(key));
    const lookup = { startedAt: readAt, result };
    this.lookups.set(key, lookup);
    return lookup;
  }

  private isTrue(known: Known, { identityId, organizationId }: Member, projectId: string): boolean {
    const { changes, freshness } = this.changeFeed;
    if (!freshness.isFresh(known.readAt)) return false;
    if (known.changesAt === changes.now) return true;
    const subjects = [identityId, organizationId, projectId, ...(known.access?.facts.restsOn ?? [])];
    if (changes.hasChangedSince(known.changesAt, subjects)) return false;
    // Once the changes up to now are checked, they need not be checked again.
    known.changesAt = changes.now;
    return true;
  }
}

function bytesOf({ facts: { characters, grants } }: ProjectAccess): number {
  const texts = grants.reduce((sum, { rules }) => sum + 1 + rules.length + conditionsIn(rules), 0);
  return 1 + characters + texts * BYTES_OF_TEXT;
}

function isSlug(text: string): boolean {
  return /^[a-z0-9_-]{1,64}$/.test(text);
}
