import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { DEFAULT_POLICY, mergePolicy, requireCoherentInput } from '../../access-tokens/issuing/access-token-policy';
import type { AccessTokenPolicyDto, TrustedIpInputDto } from '../../access-tokens/issuing/dto/access-token-policy.dto';
import { isTrusted, parseTrustedIp } from '../../common/net/trusted-ips';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { extendStatementTimeout } from '../../database/statement-timeout';
import { sqlIn } from '../../database/sql-runner';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import type { Identity } from '../../database/entities/identity.entity';
import { ManagedIdentitiesService } from '../../identities/managed-identities.service';
import { ChangesService } from '../../changes/changes.service';
import type { Actor } from '../../changes/change';
import { authMethodTarget } from '../../changes/targets';
import { NothingLeft, type OwnUnitOfWork } from '../../changes/unit-of-work';
import { type HolderOfRights, LastAdministratorService } from '../../permissions/last-administrator.service';
import type { Attempt } from '../../permissions/permissions.service';
import type { AuthMethod, MethodSettings } from '../auth-method';
import type { AuthMethodDefinition } from '../auth-method.definition';
import { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';
import { AuthMethodStore } from './auth-method.store';
import { MethodSecretsService } from './method-secrets.service';

/** The method of an identity that a caller wants to read. */
export interface MethodAddress {
  readonly method: AuthMethodDefinition;
  readonly caller: VerifiedAccessToken;
  readonly identityId: string;
}

/** The method of an identity that an actor wants to change. */
export interface MethodChange {
  readonly method: AuthMethodDefinition;
  readonly actor: Actor;
  readonly identityId: string;
}

/** A configuration with its secrets decrypted. */
export interface ConfiguredMethod {
  readonly row: IdentityAuthMethod;
  readonly secrets: object;
}

type Behaviour = Pick<AuthMethod, 'prepare'>;

/** The auth methods of identities, with the policies of their tokens. Every method is attached, changed and removed by this. */
@Injectable()
export class AuthMethodConfigurationsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly store: AuthMethodStore,
    private readonly managed: ManagedIdentitiesService,
    private readonly secrets: MethodSecretsService,
    private readonly changes: ChangesService,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /** @throws IdentityNotFoundError, AuthMethodAlreadyConfiguredError, TtlExceedsMaxError, InvalidIpError */
  async attach(
    { method, actor, identityId }: MethodChange,
    input: AccessTokenPolicyDto,
    behaviour?: Behaviour,
  ): Promise<ConfiguredMethod> {
    const { caller } = actor;
    requireCoherentInput(input, DEFAULT_POLICY);
    const attempt = attaching(method);
    if (behaviour?.prepare) {
      const { manager } = this.dataSource;
      const { identity } = await this.managed.getManageable(manager, caller, identityId, attempt);
      await this.requireNone(manager, method, identity.id);
      mergePolicy(DEFAULT_POLICY, input);
      await behaviour.prepare({ input, next: settingsFor(method, input) });
    }
    return this.changes.add({ actor, action: `add-identity-${method.slug}` }, async (work) => {
      const { tx } = work;
      const { identity } = await this.managed.getForChange(tx, caller, identityId, attempt);
      await this.requireNone(tx, method, identity.id);
      const row = await this.insert(tx, method, identity, input);
      work.changed(authMethodTarget(row, identity.organizationId));
      return this.opened(row);
    });
  }

  /** Existing tokens keep their lifetimes, but follow the trusted addresses at once (contract 3.4). @throws LastAdministratorError */
  async update(change: MethodChange, input: AccessTokenPolicyDto, behaviour?: Behaviour): Promise<ConfiguredMethod> {
    requireCoherentInput(input);
    const { method, actor, identityId } = change;
    const address = { method, identityId, caller: actor.caller };
    const target = holderOf(change, input);
    let updated: ConfiguredMethod | undefined;
    while (updated === undefined) {
      const prepared = await this.prepareUpdate(address, input, behaviour);
      // The change may tighten networks or shorten lifetimes.
      updated = await this.changes.takeAway({ actor, action: `update-identity-${method.slug}` }, (work) =>
        this.lastAdministrator.keep(work.run, target, () => this.updateIn(work, address, input, prepared)),
      );
    }
    return updated;
  }

  /** @throws IdentityNotFoundError, AuthMethodNotFoundError */
  async get({ method, caller, identityId }: MethodAddress): Promise<ConfiguredMethod> {
    const { manager } = this.dataSource;
    const { identity } = await this.managed.get(manager, caller, identityId);
    const configuration = await this.find(manager, method, identity.id);
    if (!configuration) throw method.refusals.missingOnGet(identityId);
    return this.opened(configuration);
  }

  /** Its tokens are refused once its row is gone, however many there are, and stay visible as revoked (decisions 8 and 9). */
  async remove({ method, actor, identityId }: MethodChange): Promise<ConfiguredMethod> {
    const { caller } = actor;
    const target = { identityId, organizationId: caller.organization.id };
    const removed = await this.changes.takeAway({ actor, action: `revoke-identity-${method.slug}` }, (work) =>
      this.lastAdministrator.keep(work.run, target, () => this.removeIn(work, { method, caller, identityId })),
    );
    // The secrets are not shown any more, so a configuration whose secrets cannot be read can still be removed.
    return { row: removed, secrets: {} };
  }

  private async removeIn(
    work: OwnUnitOfWork,
    { method, caller, identityId }: MethodAddress,
  ): Promise<IdentityAuthMethod> {
    const { tx, run } = work;
    const { identity } = await this.managed.getForChange(tx, caller, identityId, removing(method));
    const configuration = await this.find(tx, method, identity.id);
    if (!configuration) throw new NothingLeft(method.refusals.missingOnRemove());
    await extendStatementTimeout(tx);
    await this.store.delete(run, configuration.id);
    work.changed(authMethodTarget(configuration, identity.organizationId));
    return configuration;
  }

  /** Attaches a method. The caller checks permissions. */
  insert(
    tx: EntityManager,
    method: AuthMethodDefinition,
    identity: Identity,
    input: AccessTokenPolicyDto,
  ): Promise<IdentityAuthMethod> {
    const { config, secrets } = settingsFor(method, input);
    const owner = { identityId: identity.id, method: method.slug };
    const own = { config, sealedSecrets: this.secrets.seal(owner, secrets) };
    const clientId = method.hasClientId ? randomUUID() : null;
    return this.store.insert(sqlIn(tx), { ...owner, clientId, policy: mergePolicy(DEFAULT_POLICY, input), ...own });
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

  private async requireNone(tx: EntityManager, method: AuthMethodDefinition, identityId: string): Promise<void> {
    if (await this.find(tx, method, identityId)) throw method.refusals.alreadyConfigured();
  }

  /** The configuration that the method checked before the transaction; undefined for a method that does not check. */
  private async prepareUpdate(
    { method, caller, identityId }: MethodAddress,
    input: AccessTokenPolicyDto,
    behaviour?: Behaviour,
  ): Promise<MethodSettings | undefined> {
    if (!behaviour?.prepare) return undefined;
    const { manager } = this.dataSource;
    const { identity } = await this.managed.getManageable(manager, caller, identityId, updating(method));
    const row = await this.find(manager, method, identity.id);
    if (!row) throw method.refusals.missingOnUpdate(identityId);
    mergePolicy(row, input);
    const present = this.settingsOf(row);
    await behaviour.prepare({ input, present, next: settingsFor(method, input, present) });
    return present;
  }

  /** Undefined if the configuration is no longer the one that was checked: it is then checked again. */
  private async updateIn(
    work: OwnUnitOfWork,
    { method, caller, identityId }: MethodAddress,
    input: AccessTokenPolicyDto,
    prepared: MethodSettings | undefined,
  ): Promise<ConfiguredMethod | undefined> {
    const { tx, run } = work;
    const { identity } = await this.managed.getForChange(tx, caller, identityId, updating(method));
    const row = await this.find(tx, method, identity.id);
    if (!row) throw method.refusals.missingOnUpdate(identityId);
    const present = this.settingsOf(row);
    if (prepared && !isDeepStrictEqual(prepared, present)) return void work.unchanged();
    const next = settingsFor(method, input, present);
    const own = { config: next.config, sealedSecrets: this.secrets.seal(row, next.secrets) };
    const saved = await this.store.update(run, row, { policy: mergePolicy(row, input), ...own });
    work.changed(authMethodTarget(saved, identity.organizationId));
    return { row: saved, secrets: next.secrets ?? {} };
  }

  private settingsOf(row: IdentityAuthMethod): MethodSettings {
    return { config: row.config, secrets: this.secrets.open(row) };
  }

  private opened(row: IdentityAuthMethod): ConfiguredMethod {
    return { row, secrets: this.secrets.open(row) };
  }
}

export function attaching({ phrase }: AuthMethodDefinition): Attempt {
  return { what: `add ${phrase} to identity`, permission: 'identity:edit-auth' };
}

export function updating({ phrase }: AuthMethodDefinition): Attempt {
  return { what: `update ${phrase} of identity`, permission: 'identity:edit-auth' };
}

export function removing({ phrase }: AuthMethodDefinition): Attempt {
  return { what: `revoke ${phrase} of identity`, permission: 'identity:revoke-auth' };
}

/** The holder of a method that is updated: with addresses that exclude its own, its call may be its last one. */
function holderOf({ method, actor, identityId }: MethodChange, input: object): HolderOfRights {
  const { caller, address } = actor;
  const holder = { identityId, organizationId: caller.organization.id };
  const isRefused = caller.identityId === identityId && addressLists(input).some((list) => !isIn(list, address));
  return isRefused ? { ...holder, unreachableMethod: method.slug } : holder;
}

function addressLists(input: object): readonly TrustedIpInputDto[][] {
  const lists = Object.entries(input).filter(([name, value]) => name.endsWith('TrustedIps') && Array.isArray(value));
  return lists.map(([, list]) => list as TrustedIpInputDto[]);
}

/** An entry that is no address is refused later. */
function isIn(list: readonly TrustedIpInputDto[], address: string | undefined): boolean {
  const entries = list.flatMap(({ ipAddress }) => parseTrustedIp(ipAddress) ?? []);
  return isTrusted(entries, address);
}

function settingsFor({ configure }: AuthMethodDefinition, input: object, present?: MethodSettings): MethodSettings {
  return configure?.(input, present) ?? { config: {} };
}
