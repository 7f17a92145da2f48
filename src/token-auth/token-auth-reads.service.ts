import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { AccessTokenDto } from '../access-tokens/api/dto/access-token.dtos';
import { methodRemovedAt } from '../access-tokens/issuing/access-token.store';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { AuthMethodConfigurationsService } from '../auth-methods/configuration/auth-method-configurations.service';
import { MAX_COUNTED_TOKENS, type PageQueryDto } from '../common/http/page';
import { isId } from '../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { IdentityAccessToken } from '../database/entities/identity-access-token.entity';
import { Identity } from '../database/entities/identity.entity';
import { ListReads } from '../database/list-reads';
import { readPage } from '../database/read-page';
import { inSchemaOf } from '../database/schema';
import { ManagedIdentitiesService } from '../identities/managed-identities.service';
import { requireInstanceAdmin } from '../permissions/permissions.service';
import type { TokenListDto } from './dto/token-auth.dtos';
import { TOKEN_AUTH } from './token-auth.definition';
import { TokenNotFoundError } from './token-auth.errors';

/** Reads the tokens of Token Auth, for the managers of their identities. */
@Injectable()
export class TokenAuthReadsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentitiesService,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly reads: ListReads,
  ) {}

  /**
   * One page, newest first (decision 17). @throws IdentityNotFoundError, InstanceAdminRequiredError,
   * AuthMethodNotConfiguredError
   */
  async list(caller: VerifiedAccessToken, identityId: string, query: PageQueryDto): Promise<TokenListDto> {
    return this.reads.read(caller.organization.id, async (tx) => {
      const { identity } = await this.managed.get(tx, caller, identityId);
      requireInstanceAdmin(caller, identity);
      await this.configurations.require(tx, TOKEN_AUTH, identity.id);
      const all = tx
        .createQueryBuilder(IdentityAccessToken, 't')
        .where('t.identityId = :identityId AND t.authMethod = :method', { identityId, method: TOKEN_AUTH.slug });
      const { page, ...rest } = await readPage(tx, all, query, { mostCounted: MAX_COUNTED_TOKENS });
      return { tokens: await described(tx, page), ...rest };
    });
  }

  /**
   * Found also after its method was removed: a token stays visible, as revoked (decision 9).
   *
   * @throws TokenNotFoundError, InstanceAdminRequiredError
   */
  async get(caller: VerifiedAccessToken, tokenId: string): Promise<AccessTokenDto> {
    const { manager } = this.dataSource;
    const token = await findToken(manager, caller, tokenId);
    const identity = token && (await manager.findOneBy(Identity, { id: token.identityId }));
    if (!identity) throw new TokenNotFoundError(tokenId);
    requireInstanceAdmin(caller, identity);
    const [found] = await described(manager, [token]);
    return found!;
  }

  /** A token of another identity counts as missing. @throws TokenNotFoundError */
  async getOf(caller: VerifiedAccessToken, identityId: string, tokenId: string): Promise<AccessTokenDto> {
    const token = await findToken(this.dataSource.manager, caller, tokenId);
    if (token?.identityId !== identityId.toLowerCase()) throw new TokenNotFoundError(tokenId);
    return this.get(caller, tokenId);
  }
}

/** One query with the organization in it: an object of another organization counts as missing (decision 18). */
export async function findToken(
  tx: EntityManager,
  caller: VerifiedAccessToken,
  tokenId: string,
): Promise<IdentityAccessToken | null> {
  if (!isId(tokenId)) return null;
  const organizationId = caller.organization.id;
  return tx.findOneBy(IdentityAccessToken, { id: tokenId, organizationId, authMethod: TOKEN_AUTH.slug });
}

/** Tokens as their managers see them. Tokens of a removed method show as revoked since its removal. */
async function described(tx: EntityManager, tokens: IdentityAccessToken[]): Promise<AccessTokenDto[]> {
  const ids = tokens.filter(({ revokedAt }) => revokedAt === null).map(({ id }) => id);
  const rows = ids.length === 0 ? [] : await tx.query<EndedRow[]>(inSchemaOf(tx, ENDED), [ids]);
  const ends = new Map(rows.map(({ id, ended_at }) => [id, ended_at]));
  return tokens.map((token) => describe(token, ends.get(token.id) ?? null));
}

export function describe(token: IdentityAccessToken, endedAt: Date | null): AccessTokenDto {
  if (endedAt === null) return AccessTokenDto.of(token);
  const updatedAt = endedAt > token.updatedAt ? endedAt : token.updatedAt;
  return AccessTokenDto.of(Object.assign(token, { revokedAt: endedAt, updatedAt }));
}

interface EndedRow {
  id: string;
  ended_at: Date;
}

const ENDED = `
  SELECT id, ended_at
    FROM (SELECT t.id, ${methodRemovedAt('t')} AS ended_at FROM latchkey.identity_access_tokens t WHERE t.id = ANY ($1::uuid[])) ends
   WHERE ended_at IS NOT NULL`;
