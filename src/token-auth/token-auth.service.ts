import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { DEFAULT_POLICY, mergePolicy, requireCoherentInput } from '../access-tokens/access-token-policy';
import type { VerifiedAccessToken } from '../access-tokens/verified-access-token';
import { IdentityAuthMethod } from '../auth-methods/identity-auth-method.entity';
import { Clock } from '../common/clock/clock';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { inSchemaOf } from '../database/schema';
import type { Identity } from '../identities/identity.entity';
import { Receipts } from '../watermark/receipts';
import { ManagedIdentities } from '../identities/managed-identities.service';
import { type AttachTokenAuthDto, TokenAuthDto, type UpdateTokenAuthDto } from './dto/token-auth.dtos';
import {
  TokenAuthAlreadyConfiguredError,
  TokenAuthNotConfiguredError,
  TokenAuthNotFoundError,
} from './token-auth.errors';

export const TOKEN_AUTH = 'token-auth';

/** How the tokens that are made by hand for an identity behave. */
@Injectable()
export class TokenAuthService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentities,
    private readonly clock: Clock,
    private readonly receipts: Receipts,
  ) {}

  /** @throws IdentityNotFoundError, TokenAuthAlreadyConfiguredError, TtlExceedsMaxError, InvalidIpError */
  async attach(caller: VerifiedAccessToken, identityId: string, dto: AttachTokenAuthDto): Promise<TokenAuthDto> {
    requireCoherentInput(dto, DEFAULT_POLICY);
    const attempt = { what: 'add token auth to identity', permission: 'identity:edit-auth' } as const;
    return this.dataSource.transaction(async (tx) => {
      const { identity } = await this.managed.getForChange(tx, caller, identityId, attempt);
      if (await findTokenAuth(tx, identity.id)) throw new TokenAuthAlreadyConfiguredError();
      return TokenAuthDto.of(await this.insert(tx, identity, dto));
    });
  }

  /** Tokens that exist keep their lifetimes, but follow the trusted IPs at once (contract 3.4). */
  async update(caller: VerifiedAccessToken, identityId: string, dto: UpdateTokenAuthDto): Promise<TokenAuthDto> {
    requireCoherentInput(dto);
    const attempt = { what: 'update token auth of identity', permission: 'identity:edit-auth' } as const;
    const updated = await this.dataSource.transaction(async (tx) => {
      const { identity } = await this.managed.getForChange(tx, caller, identityId, attempt);
      const method = await findTokenAuth(tx, identity.id);
      if (!method) throw new TokenAuthNotConfiguredError('The identity does not have token auth');
      return tx.save(Object.assign(method, mergePolicy(method, dto)));
    });
    await this.receipts.settle();
    return TokenAuthDto.of(updated);
  }

  /** @throws IdentityNotFoundError, TokenAuthNotFoundError */
  async get(caller: VerifiedAccessToken, identityId: string): Promise<TokenAuthDto> {
    const { manager } = this.dataSource;
    const { identity } = await this.managed.get(manager, caller, identityId);
    const method = await findTokenAuth(manager, identity.id);
    if (!method) throw new TokenAuthNotFoundError();
    return TokenAuthDto.of(method);
  }

  /** Its tokens die with it, and stay visible as revoked (decisions 8 and 9). */
  async remove(caller: VerifiedAccessToken, identityId: string): Promise<TokenAuthDto> {
    const attempt = { what: 'revoke token auth of identity', permission: 'identity:revoke-auth' } as const;
    const removed = await this.dataSource.transaction(async (tx) => {
      const { identity } = await this.managed.getForChange(tx, caller, identityId, attempt);
      const method = await requireTokenAuth(tx, identity.id);
      await tx.delete(IdentityAuthMethod, { id: method.id });
      await tx.query(inSchemaOf(tx.dataSource, REVOKE_ALL), [identity.id, TOKEN_AUTH, this.clock.now()]);
      return method;
    });
    await this.receipts.settle();
    return TokenAuthDto.of(removed);
  }

  /** Attaches token auth. Rights are the caller's to check. */
  insert(tx: EntityManager, identity: Identity, dto: AttachTokenAuthDto): Promise<IdentityAuthMethod> {
    const policy = mergePolicy(DEFAULT_POLICY, dto);
    return tx.save(
      tx.create(IdentityAuthMethod, { ...policy, identityId: identity.id, method: TOKEN_AUTH, accessTokenPeriod: 0 }),
    );
  }
}

export function findTokenAuth(tx: EntityManager, identityId: string): Promise<IdentityAuthMethod | null> {
  return tx.findOneBy(IdentityAuthMethod, { identityId, method: TOKEN_AUTH });
}

/** @throws TokenAuthNotConfiguredError */
export async function requireTokenAuth(tx: EntityManager, identityId: string): Promise<IdentityAuthMethod> {
  const method = await findTokenAuth(tx, identityId);
  if (!method) throw new TokenAuthNotConfiguredError();
  return method;
}

const REVOKE_ALL = `
  UPDATE latchkey.identity_access_tokens SET revoked_at = $3, updated_at = $3
   WHERE identity_id = $1 AND auth_method = $2 AND revoked_at IS NULL`;
