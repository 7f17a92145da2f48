import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { type DataSource, type EntityManager, In } from 'typeorm';
import { AccessTokenDto } from '../access-tokens/api/dto/access-token.dtos';
import { methodRemovedAt } from '../access-tokens/issuing/access-token.store';
import { USES_REFILLED } from '../access-tokens/uses-refilled';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { Clock } from '../common/clock/clock';
import { DEFAULT_PAGE_SIZE } from '../common/http/page';
import { isId } from '../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { IdentityAccessToken } from '../database/entities/identity-access-token.entity';
import { ListReads } from '../database/list-reads';
import { inSchemaOf } from '../database/schema';
import { ManagedIdentitiesService } from '../identities/managed-identities.service';
import { requireInstanceAdmin } from '../permissions/permissions.service';
import { TokenNotFoundError } from '../token-auth/token-auth.errors';
import type {
  ListManagedTokensQueryDto,
  ManagedTokenDto,
  ManagedTokenListDto,
  TokenStatus,
} from './dto/managed-token.dtos';
import { cursorOf, type Looked, LOOKED_AT, lookingAt } from './managed-token.query';

/** Reads the tokens of every auth method, for those who manage the identities of an organization. */
@Injectable()
export class ManagedTokenReadsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentitiesService,
    private readonly reads: ListReads,
    private readonly clock: Clock,
  ) {}

  /** @throws IdentityNotFoundError, InstanceAdminRequiredError, ValidationFailureError, ReadTooCostlyError */
  list(caller: VerifiedAccessToken, query: ListManagedTokensQueryDto): Promise<ManagedTokenListDto> {
    return this.reads.read(caller.organization.id, async (tx) => {
      if (query.identityId !== undefined) {
        const { identity } = await this.managed.get(tx, caller, query.identityId);
        requireInstanceAdmin(caller, identity);
      }
      const limit = query.limit ?? DEFAULT_PAGE_SIZE;
      const most = isFiltered(query) ? LOOKED_AT : limit + 1;
      const now = this.clock.now();
      const sees = { instanceAdmins: caller.isInstanceAdmin };
      const { sql, parameters } = lookingAt({ organizationId: caller.organization.id, query, now, sees, most });
      const looked = await tx.query<Looked[]>(inSchemaOf(tx, sql), [...parameters]);
      const { ids, nextCursor } = pageOf(looked, limit, most);
      return { accessTokens: await this.described(tx, ids, now), nextCursor };
    });
  }

  /** @throws TokenNotFoundError, InstanceAdminRequiredError */
  async get(caller: VerifiedAccessToken, tokenId: string): Promise<ManagedTokenDto> {
    const { manager } = this.dataSource;
    const token = await findManagedToken(manager, caller, tokenId);
    if (!token) throw new TokenNotFoundError(tokenId);
    const { identity } = await this.managed.get(manager, caller, token.identityId).catch(() => ({ identity: null }));
    if (!identity) throw new TokenNotFoundError(tokenId);
    requireInstanceAdmin(caller, identity);
    const [found] = await this.described(manager, [token.id], this.clock.now());
    if (!found) throw new TokenNotFoundError(tokenId);
    return found;
  }

  private async described(tx: EntityManager, ids: readonly string[], now: Date): Promise<ManagedTokenDto[]> {
    if (ids.length === 0) return [];
    const tokens = await tx.findBy(IdentityAccessToken, { id: In([...ids]) });
    const facts = await tx.query<Facts[]>(inSchemaOf(tx, FACTS), [ids]);
    const factsById = new Map(facts.map((one) => [one.id, one]));
    const byId = new Map(tokens.map((token) => [token.id, token]));
    return ids.flatMap((id) => {
      const [token, more] = [byId.get(id), factsById.get(id)];
      return token && more ? [describe(token, more, now)] : [];
    });
  }
}

/** One query with the organization in it: an object of another organization counts as missing (decision 18). */
export async function findManagedToken(
  tx: EntityManager,
  caller: VerifiedAccessToken,
  tokenId: string,
): Promise<IdentityAccessToken | null> {
  if (!isId(tokenId)) return null;
  return tx.findOneBy(IdentityAccessToken, { id: tokenId, organizationId: caller.organization.id });
}

function isFiltered({ authMethod, search, unusedSince, identityId, status, endsBefore }: ListManagedTokensQueryDto) {
  if (identityId === undefined) return true;
  const isOfAnyStatus = status === undefined || status === 'all';
  return !isOfAnyStatus || [authMethod, search, unusedSince, endsBefore].some((filter) => filter !== undefined);
}

/** The first that match. The cursor continues behind the last that was looked at for this page. */
function pageOf(looked: readonly Looked[], limit: number, most: number): { ids: string[]; nextCursor: string | null } {
  const matching = looked.filter(({ matches }) => matches);
  const page = matching.slice(0, limit);
  const isMore = matching.length > limit || looked.length === most;
  const last = matching.length > limit ? page.at(-1) : looked.at(-1);
  return { ids: page.map(({ id }) => id), nextCursor: isMore && last ? cursorOf(last) : null };
}

interface Facts {
  readonly id: string;
  readonly identity_name: string;
  readonly ended_at: Date | null;
  readonly uses_left: string | null;
}

const FACTS = `
  SELECT t.id, i.name AS identity_name, ${methodRemovedAt('t')} AS ended_at,
         CASE WHEN t.num_uses_limit > 0 THEN t.num_uses_limit + ${USES_REFILLED} - t.num_uses END AS uses_left
    FROM latchkey.identity_access_tokens t JOIN latchkey.identities i ON i.id = t.identity_id
   WHERE t.id = ANY ($1::uuid[])`;

function describe(token: IdentityAccessToken, facts: Facts, now: Date): ManagedTokenDto {
  const { identity_name: identityName, ended_at: endedAt } = facts;
  const accessTokenRevokedAt = token.revokedAt ?? endedAt;
  const accessTokenExpiresAt = earlier(token.expiresAt, token.endsAt);
  const isUsedUp = facts.uses_left !== null && Number(facts.uses_left) <= 0;
  return {
    ...AccessTokenDto.of(Object.assign(token, { revokedAt: accessTokenRevokedAt })),
    identityName,
    status: statusOf(token, { accessTokenRevokedAt, accessTokenExpiresAt, isUsedUp, now }),
    accessTokenExpiresAt,
    accessTokenRenewableUntil: renewableUntil(token),
    accessTokenRevokedAt,
  };
}

interface Ends {
  readonly accessTokenRevokedAt: Date | null;
  readonly accessTokenExpiresAt: Date | null;
  readonly isUsedUp: boolean;
  readonly now: Date;
}

/** In the order in which a verification refuses. */
function statusOf({ disabledAt }: IdentityAccessToken, ends: Ends): TokenStatus {
  const { accessTokenExpiresAt: end } = ends;
  if (ends.accessTokenRevokedAt !== null) return 'revoked';
  if (end !== null && end <= ends.now) return 'expired';
  if (disabledAt !== null) return 'disabled';
  return ends.isUsedUp ? 'used-up' : 'live';
}

function earlier(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}

function renewableUntil({ accessTokenMaxTTL, accessTokenPeriod, createdAt }: IdentityAccessToken): Date | null {
  if (accessTokenPeriod > 0 || accessTokenMaxTTL === 0) return null;
  return new Date(createdAt.getTime() + accessTokenMaxTTL * 1_000);
}
