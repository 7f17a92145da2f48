import { Injectable } from '@nestjs/common';
import { isId } from '../common/ids';
import { SEES_ALL_ROWS } from '../database/schema';
import type { SqlRunner } from '../database/sql-runner';
import { decodeCursor, encodeCursor, FIRST_POSITION, hostLimitOf } from './page';

/** An organization: a tenant. */
export interface OrganizationRecord {
  readonly organizationId: string;
  readonly name: string;
  /** The name in URLs. */
  readonly slug: string;
  /** The host's own id of the tenant. */
  readonly externalId: string | null;
}

/** An identity, whose tokens are the keys of a customer. */
export interface MachineIdentityRecord {
  readonly identityId: string;
  readonly organizationId: string;
  readonly name: string;
  /** The slug of its role; null if it is not a member of its organization. */
  readonly role: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

/** One page of identities, newest first. */
export interface MachineIdentityPage {
  readonly identities: readonly MachineIdentityRecord[];
  /** Where the next page begins; null on the last page. */
  readonly nextCursor: string | null;
}

/** Which page of the identities of an organization. */
export interface MachineIdentityList {
  readonly organizationId: string;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100. @default 20 */
  readonly limit?: number;
}

/** Reads organizations and identities for a host's code. */
@Injectable()
export class IdentityReaderService {
  async findOrganization(run: SqlRunner, externalId: string): Promise<OrganizationRecord | null> {
    return first<OrganizationRecord>(await run(FIND_ORGANIZATION, [externalId]));
  }

  async get(run: SqlRunner, identityId: string, organizationId: string | null): Promise<MachineIdentityRecord | null> {
    if (!isId(identityId)) return null;
    const found = first<RawIdentity>(await run(GET, [identityId, organizationId]));
    return found && identityOf(found);
  }

  /** One statement, which reads along an index. */
  async list(run: SqlRunner, request: MachineIdentityList): Promise<MachineIdentityPage> {
    const limit = hostLimitOf(request.limit);
    const { createdAt, id } = request.cursor === undefined ? FIRST_POSITION : decodeCursor(request.cursor);
    if (!isId(request.organizationId)) return { identities: [], nextCursor: null };
    const found = first<RawIdentity[]>(await run(LIST, [request.organizationId, createdAt, id, limit + 1])) ?? [];
    const identities = found.slice(0, limit).map(identityOf);
    const last = found.length > limit ? identities.at(-1) : undefined;
    return { identities, nextCursor: last ? encodeCursor({ createdAt: last.createdAt, id: last.identityId }) : null };
  }
}

interface RawIdentity extends Omit<MachineIdentityRecord, 'createdAt' | 'metadata'> {
  readonly metadata: Record<string, string> | null;
  readonly createdMs: number;
}

function first<Told>([row]: { readonly told: string | null }[]): Told | null {
  return row?.told ? (JSON.parse(row.told) as Told) : null;
}

function identityOf({ createdMs, metadata, ...rest }: RawIdentity): MachineIdentityRecord {
  return { ...rest, metadata: metadata ?? {}, createdAt: new Date(createdMs) };
}

const FIND_ORGANIZATION = `
  SELECT (SELECT json_build_object('organizationId', o.id, 'name', o.name, 'slug', o.slug, 'externalId', o.external_id)::text
            FROM latchkey.organizations o WHERE o.external_id = $1) AS told WHERE ${SEES_ALL_ROWS}`;

const RECORD = `
  json_build_object(
    'identityId', i.id, 'organizationId', i.organization_id, 'name', i.name,
    'role', (SELECT coalesce(r.slug, m.role)
               FROM latchkey.organization_memberships m LEFT JOIN latchkey.roles r ON r.id = m.custom_role_id
              WHERE m.identity_id = i.id AND m.organization_id = i.organization_id),
    'metadata', (SELECT json_object_agg(l.key, l.value ORDER BY l.position)
                   FROM latchkey.identity_metadata l WHERE l.identity_id = i.id),
    'createdMs', trunc(extract(epoch FROM i.created_at) * 1000))`;

const GET = `
  SELECT (SELECT ${RECORD}::text FROM latchkey.identities i
           WHERE i.id = $1 AND ($2::uuid IS NULL OR i.organization_id = $2)) AS told WHERE ${SEES_ALL_ROWS}`;

const LIST = `
  SELECT (SELECT json_agg(${RECORD} ORDER BY i.created_at DESC, i.id DESC)::text
            FROM (SELECT * FROM latchkey.identities i
                   WHERE i.organization_id = $1 AND (i.created_at, i.id) < ($2, $3::uuid)
                   ORDER BY i.created_at DESC, i.id DESC LIMIT $4) i) AS told WHERE ${SEES_ALL_ROWS}`;
