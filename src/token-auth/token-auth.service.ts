import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { AccessTokenIssuer } from '../access-tokens/issuing/access-token.issuer';
import { AccessTokenStore, methodRemovedAt } from '../access-tokens/issuing/access-token.store';
import { AccessTokenDto } from '../access-tokens/api/dto/access-token.dtos';
import { IdentityAccessToken } from '../database/entities/identity-access-token.entity';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { AuthMethodConfigurationsService } from '../auth-methods/configuration/auth-method-configurations.service';
import { Clock } from '../common/clock/clock';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import { MAX_COUNTED_TOKENS, type PageQueryDto } from '../common/http/page';
import { isId } from '../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { ListReads } from '../database/list-reads';
import { readPage } from '../database/read-page';
import { inSchemaOf } from '../database/schema';
import { sqlIn } from '../database/sql-runner';
import { IdentityStore } from '../identities/identity.store';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { Identity } from '../database/entities/identity.entity';
import { ManagedIdentitiesService, type ManagedIdentity } from '../identities/managed-identities.service';
import { SubOrganizationNotFoundError } from '../organizations/organizations.errors';
import { ChangesService } from '../changes/changes.service';
import type { Actor, ChangeTarget } from '../changes/change';
import { NothingLeft, type OwnUnitOfWork } from '../changes/unit-of-work';
import { type Receipt, ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { type Attempt, requireInstanceAdmin } from '../permissions/permissions.service';
import {
  type CreateTokenDto,
  type IssuedTokenDto,
  type TokenListDto,
  type UpdateTokenDto,
} from './dto/token-auth.dtos';
import { TOKEN_AUTH } from './token-auth.definition';
import { TokenNotFoundError, TokenNotRevocableError } from './token-auth.errors';

export const CREATE_TOKEN: Attempt = { what: 'create token for identity', permission: 'identity:create-token' };
export const UPDATE_TOKEN: Attempt = { what: 'update token for identity', permission: 'identity:create-token' };
export const REVOKE_TOKEN: Attempt = { what: 'revoke token of identity', permission: 'identity:edit' };

/** Tokens that the managers of an identity issue by hand. */
@Injectable()
export class TokenAuthService {
  constructor(
    @InjectRepository(IdentityAccessToken, LATCHKEY_DATA_SOURCE)
    private readonly tokens: Repository<IdentityAccessToken>,
    private readonly managed: ManagedIdentitiesService,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly issuer: AccessTokenIssuer,
    private readonly store: AccessTokenStore,
    private readonly identities: IdentityStore,
    private readonly changes: ChangesService,
    private readonly clock: Clock,
    private readonly receipts: ChangeReceiptsService,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly reads: ListReads,
  ) {}

  /** @throws IdentityNotFoundError, AuthMethodNotConfiguredError, SubOrganizationNotFoundError */
  async create(actor: Actor, identityId: string, dto: CreateTokenDto): Promise<IssuedTokenDto> {
    const { caller } = actor;
    return this.changes.add({ actor, action: 'create-token-identity-token-auth' }, async (work) => {
      const { tx } = work;
      const target = await this.managed.getForChange(tx, caller, identityId, CREATE_TOKEN);
      const { organizationSlug: slug } = dto;
      if (slug !== undefined && slug !== caller.organization.slug) throw new SubOrganizationNotFoundError(slug);
      const issued = await this.issue(tx, target, dto.name ?? null);
      work.changed(targetOf({ ...issued.tokenData, organizationId: caller.organization.id }));
      return issued;
    });
  }

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
      return { tokens: await this.described(tx, page), ...rest };
    });
  }

  /**
   * Found also after its method was removed: a token stays visible, as revoked (decision 9).
   *
   * @throws TokenNotFoundError, InstanceAdminRequiredError
   */
  async get(caller: VerifiedAccessToken, tokenId: string): Promise<AccessTokenDto> {
    const { manager } = this.tokens;
    const token = await this.find(manager, caller, tokenId);
    const identity = token && (await manager.findOneBy(Identity, { id: token.identityId }));
    if (!identity) throw new TokenNotFoundError(tokenId);
    requireInstanceAdmin(caller, identity);
    const [described] = await this.described(manager, [token]);
    return described!;
  }

  /** A token of another identity counts as missing. @throws TokenNotFoundError */
  async getOf(caller: VerifiedAccessToken, identityId: string, tokenId: string): Promise<AccessTokenDto> {
    const token = await this.find(this.tokens.manager, caller, tokenId);
    if (token?.identityId !== identityId.toLowerCase()) throw new TokenNotFoundError(tokenId);
    return this.get(caller, tokenId);
  }

  /** @throws TokenNotFoundError, AuthMethodNotConfiguredError */
  async update(actor: Actor, tokenId: string, { name }: UpdateTokenDto): Promise<AccessTokenDto> {
    const { caller } = actor;
    return this.changes.alter({ actor, action: 'update-token-identity-token-auth' }, async (work) => {
      const { tx, run } = work;
      const token = await this.find(tx, caller, tokenId);
      if (!token) throw new TokenNotFoundError(tokenId);
      const { identityId } = token;
      await this.managed
        .getForChange(tx, caller, identityId, UPDATE_TOKEN)
        .catch(deletedIs(new TokenNotFoundError(tokenId)));
      const renaming = { tokenId: token.id, method: TOKEN_AUTH.slug, name, updatedAt: this.clock.now() };
      const renamed = await this.store.rename(run, renaming);
      if (!renamed) throw TOKEN_AUTH.refusals.missingOnRemove();
      work.changed(targetOf(renamed.token));
      return describe(renamed.token, renamed.methodRemovedAt);
    });
  }

  /** @throws TokenNotRevocableError */
  async revoke(actor: Actor, tokenId: string): Promise<Receipt | null> {
    const { caller } = actor;
    return this.changes.takeAway({ actor, action: 'revoke-token-identity-token-auth' }, async (work) => {
      const found = await this.find(work.tx, caller, tokenId);
      if (!found) throw new TokenNotRevocableError(tokenId);
      const target = { identityId: found.identityId, organizationId: caller.organization.id };
      await this.lastAdministrator.keep(work.run, target, () => this.revokeIn(work, caller, found));
      return this.receipts.of(work.tx);
    });
  }

  private async revokeIn(work: OwnUnitOfWork, caller: VerifiedAccessToken, found: IdentityAccessToken): Promise<void> {
    const { tx, run } = work;
    const { id: tokenId, organizationId } = found;
    const refusal = new TokenNotRevocableError(tokenId);
    await this.managed.getForChange(tx, caller, found.identityId, REVOKE_TOKEN).catch(deletedIs(refusal));
    const isRevoked = await this.store.revoke(run, { tokenId, organizationId, revokedAt: this.clock.now() });
    if (!isRevoked) throw new NothingLeft(refusal);
    work.changed(targetOf(found));
  }

  /**
   * Issues and signs a token. The caller checks permissions and holds the lock on the membership.
   *
   * @param lifetimeSeconds replaces the method's lifetime, all renewals included.
   */
  async issue(
    tx: EntityManager,
    { identity, membership }: ManagedIdentity,
    name: string | null,
    lifetimeSeconds?: number,
  ): Promise<IssuedTokenDto> {
    const configured = await this.configurations.require(tx, TOKEN_AUTH, identity.id);
    const lifetime = { accessTokenTTL: lifetimeSeconds, accessTokenMaxTTL: lifetimeSeconds };
    const method = lifetimeSeconds === undefined ? configured : Object.assign(configured, lifetime);
    const token = await this.issuer.insert(tx, { identity, method, name });
    const login = { method: TOKEN_AUTH.slug, at: token.createdAt };
    await this.identities.noteLogin(sqlIn(tx), membership, login);
    const trustedIps = method.accessTokenTrustedIps;
    const signable = { ...token, identityName: identity.name, trustedIps };
    const signed = this.issuer.sign(signable, token.createdAt, token.expiresAt);
    const { accessTokenMaxTTL } = method;
    return { ...signed, accessTokenMaxTTL, tokenType: 'Bearer', tokenData: AccessTokenDto.of(token) };
  }

  /** One query with the organization in it: an object of another organization counts as missing (decision 18). */
  private async find(
    tx: EntityManager,
    caller: VerifiedAccessToken,
    tokenId: string,
  ): Promise<IdentityAccessToken | null> {
    if (!isId(tokenId)) return null;
    const organizationId = caller.organization.id;
    return tx.findOneBy(IdentityAccessToken, { id: tokenId, organizationId, authMethod: TOKEN_AUTH.slug });
  }

  /** Tokens as their managers see them. Tokens of a removed method show as revoked since its removal. */
  private async described(tx: EntityManager, tokens: IdentityAccessToken[]): Promise<AccessTokenDto[]> {
    const ids = tokens.filter(({ revokedAt }) => revokedAt === null).map(({ id }) => id);
    const rows = ids.length === 0 ? [] : await tx.query<EndedRow[]>(inSchemaOf(tx, ENDED), [ids]);
    const ends = new Map(rows.map(({ id, ended_at }) => [id, ended_at]));
    return tokens.map((token) => describe(token, ends.get(token.id) ?? null));
  }
}

/** If the identity of a token was deleted, the token counts as missing. */
function deletedIs(missing: LatchkeyError): (error: unknown) => never {
  return (error) => {
    throw error instanceof IdentityNotFoundError ? missing : error;
  };
}

function targetOf(token: Pick<IdentityAccessToken, 'id' | 'identityId' | 'organizationId'>): ChangeTarget {
  const { id, identityId, organizationId } = token;
  return { type: 'token', id, identityId, organizationId };
}

function describe(token: IdentityAccessToken, endedAt: Date | null): AccessTokenDto {
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
