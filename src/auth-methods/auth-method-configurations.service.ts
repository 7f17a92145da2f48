import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { DEFAULT_POLICY, mergePolicy, requireCoherentInput } from '../access-tokens/access-token-policy';
import type { AccessTokenPolicyDto } from '../access-tokens/dto/access-token-policy.dto';
import type { VerifiedAccessToken } from '../access-tokens/verified-access-token';
import { Clock } from '../common/clock/clock';
import { allowBulk } from '../database/bulk';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { inSchemaOf } from '../database/schema';
import type { Identity } from '../identities/identity.entity';
import { ManagedIdentities } from '../identities/managed-identities.service';
import { Receipts } from '../watermark/receipts';
import type { AuthMethodDefinition } from './auth-method.definition';
import { IdentityAuthMethod } from './identity-auth-method.entity';
import { Lockouts } from './lockouts.service';

/** Which methods an identity has, and how the tokens that come of them behave. The same for every method. */
@Injectable()
export class AuthMethodConfigurations {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentities,
    private readonly lockouts: Lockouts,
    private readonly receipts: Receipts,
    private readonly clock: Clock,
  ) {}

  /** @throws IdentityNotFoundError, AuthMethodAlreadyConfiguredError, TtlExceedsMaxError, InvalidIpError */
  async attach(
    method: AuthMethodDefinition,
    caller: VerifiedAccessToken,
    identityId: string,
    input: AccessTokenPolicyDto,
  ): Promise<IdentityAuthMethod> {
    requireCoherentInput(input, DEFAULT_POLICY);
    const attempt = { what: `add ${method.words} to identity`, permission: 'identity:edit-auth' } as const;
    return this.dataSource.transaction(async (tx) => {
      const { identity } = await this.managed.getForChange(tx, caller, identityId, attempt);
      if (await this.find(tx, method, identity.id)) throw method.refusals.alreadyConfigured();
      return this.insert(tx, method, identity, input);
    });
  }

  /** Tokens that exist keep their lifetimes, but follow the trusted IPs at once (contract 3.4). */
  async update(
    method: AuthMethodDefinition,
    caller: VerifiedAccessToken,
    identityId: string,
    input: AccessTokenPolicyDto,
  ): Promise<IdentityAuthMethod> {
    requireCoherentInput(input);
    const attempt = { what: `update ${method.words} of identity`, permission: 'identity:edit-auth' } as const;
    const updated = await this.dataSource.transaction(async (tx) => {
      const { identity } = await this.managed.getForChange(tx, caller, identityId, attempt);
      const configuration = await this.find(tx, method, identity.id);
      if (!configuration) throw method.refusals.missingOnUpdate(identityId);
      const config = method.configure?.(input, configuration.config) ?? {};
      return tx.save(Object.assign(configuration, mergePolicy(configuration, input), { config }));
    });
    await this.receipts.settle();
    return updated;
  }

  /** @throws IdentityNotFoundError, AuthMethodNotFoundError */
  async get(
    method: AuthMethodDefinition,
    caller: VerifiedAccessToken,
    identityId: string,
  ): Promise<IdentityAuthMethod> {
    const { manager } = this.dataSource;
    const { identity } = await this.managed.get(manager, caller, identityId);
    const configuration = await this.find(manager, method, identity.id);
    if (!configuration) throw method.refusals.missingOnGet(identityId);
    return configuration;
  }

  /** Its tokens die with it, and stay visible as revoked (decisions 8 and 9). */
  async remove(
    method: AuthMethodDefinition,
    caller: VerifiedAccessToken,
    identityId: string,
  ): Promise<IdentityAuthMethod> {
    const attempt = { what: `revoke ${method.words} of identity`, permission: 'identity:revoke-auth' } as const;
    const removed = await this.dataSource.transaction(async (tx) => {
      const { identity } = await this.managed.getForChange(tx, caller, identityId, attempt);
      const configuration = await this.require(tx, method, identity.id);
      await allowBulk(tx);
      await tx.delete(IdentityAuthMethod, { id: configuration.id });
      await tx.query(inSchemaOf(tx.dataSource, REVOKE_ALL), [identity.id, method.slug, this.clock.now()]);
      return configuration;
    });
    await this.receipts.settle();
    return removed;
  }

  /** Lets everybody who guessed wrong guess again: how many counts and locks were in force. */
  async clearLockouts(method: AuthMethodDefinition, caller: VerifiedAccessToken, identityId: string): Promise<number> {
    const attempt = { what: 'clear lockouts of identity', permission: 'identity:edit' } as const;
    return this.dataSource.transaction(async (tx) => {
      const { identity } = await this.managed.getForChange(tx, caller, identityId, attempt);
      const { id } = await this.require(tx, method, identity.id);
      return this.lockouts.clear(tx, id, this.clock.now());
    });
  }

  /** Attaches a method. Rights are the caller's to check. */
  insert(
    tx: EntityManager,
    { slug, configure, hasClientId }: AuthMethodDefinition,
    identity: Identity,
    input: AccessTokenPolicyDto,
  ): Promise<IdentityAuthMethod> {
    const own = { config: configure?.(input) ?? {}, clientId: hasClientId ? randomUUID() : null };
    const policy = mergePolicy(DEFAULT_POLICY, input);
    return tx.save(tx.create(IdentityAuthMethod, { ...policy, ...own, identityId: identity.id, method: slug }));
  }

  find(tx: EntityManager, { slug }: AuthMethodDefinition, identityId: string): Promise<IdentityAuthMethod | null> {
    return tx.findOneBy(IdentityAuthMethod, { identityId, method: slug });
  }

  /** @throws AuthMethodNotConfiguredError */
  async require(tx: EntityManager, method: AuthMethodDefinition, identityId: string): Promise<IdentityAuthMethod> {
    const configuration = await this.find(tx, method, identityId);
    if (!configuration) throw method.refusals.missingOnRemove();
    return configuration;
  }
}

const REVOKE_ALL = `
  UPDATE latchkey.identity_access_tokens SET revoked_at = $3, updated_at = $3
   WHERE identity_id = $1 AND auth_method = $2 AND revoked_at IS NULL`;
