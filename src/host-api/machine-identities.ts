import { Injectable } from '@nestjs/common';
import {
  type AccessTokenPolicy,
  DEFAULT_POLICY,
  mergePolicy,
  requireCoherentInput,
} from '../access-tokens/issuing/access-token-policy';
import { AuthMethodStore } from '../auth-methods/configuration/auth-method.store';
import type { ChangeTarget } from '../changes/change';
import { authMethodTarget, identityTarget, organizationTarget } from '../changes/targets';
import { makeDurable, type UnitOfWork } from '../changes/unit-of-work';
import { isId } from '../common/ids';
import { CreateIdentityDto, UpdateIdentityDto } from '../identities/dto/identity-input.dtos';
import { requireDistinctKeys } from '../identities/distinct-keys';
import { type HeldIdentity, IdentityStore } from '../identities/identity.store';
import { IdentityNotFoundError, UnknownRoleError } from '../identities/identities.errors';
import { CreateOrganizationDto } from '../organizations/dto/organization.dtos';
import { OrganizationStore } from '../organizations/organization.store';
import { ProjectAdministratorsService } from '../permissions/projects/project-administrators.service';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { isRole, type Role } from '../permissions/roles';
import { AttachTokenAuthDto } from '../token-auth/dto/token-auth.dtos';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import { type ChangeOptions, HostTransactionService, organizationOf } from './host-transaction.service';
import {
  IdentityReaderService,
  type MachineIdentityList,
  type MachineIdentityPage,
  type MachineIdentityRecord,
  type OrganizationRecord,
} from './identity-reader.service';
import { checked, requireKnown } from './input';
import { checkedRotation, requireExternalId } from './key-input';
import type { RotatedClientSecret, RotationOptions } from './key-types';
import { SecretChangesService } from './secret-changes.service';

/** The policy of an identity's tokens. Defaults: 30 days, any number of uses, from any address. */
export interface TokenPolicy {
  /** Lifetime of a token in seconds; 0 means as long as the ceiling allows. */
  readonly accessTokenTTL?: number;
  /** Lifetime in seconds over all renewals; 0 means no limit. */
  readonly accessTokenMaxTTL?: number;
  /** How many times a token can be used; 0 means no limit. */
  readonly accessTokenNumUsesLimit?: number;
  /** Addresses and CIDR blocks from which tokens can be used. */
  readonly accessTokenTrustedIps?: readonly { readonly ipAddress: string }[];
}

/** The properties of a new organization. */
export interface NewOrganization {
  /** 1 to 255 characters. */
  readonly name: string;
  /** Your own id of the tenant: 1 to 255 characters, which no other organization has. */
  readonly externalId?: string;
}

/** Changes of an identity. A field that is left out stays as it is. */
export interface MachineIdentityChanges {
  readonly name?: string;
  readonly role?: Role;
  /** Replaces all labels. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The properties of a new identity. */
export interface NewMachineIdentity {
  readonly organizationId: string;
  readonly name: string;
  /** @default 'no-access': its tokens identify the caller, and hold no permission. */
  readonly role?: Role;
  /** The host's own labels, such as the id of the customer that the identity stands for. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The policy of its tokens. */
  readonly tokenAuth?: TokenPolicy;
}

/**
 * Creates, finds and changes organizations and identities in a host's own code, in the host's own transaction if it passes one. It checks no
 * permission: the host decides who may call it.
 */
@Injectable()
export class MachineIdentities {
  constructor(
    private readonly transaction: HostTransactionService,
    private readonly organizations: OrganizationStore,
    private readonly store: IdentityStore,
    private readonly methods: AuthMethodStore,
    private readonly reader: IdentityReaderService,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly secrets: SecretChangesService,
    private readonly projectAdministrators: ProjectAdministratorsService,
  ) {}

  /**
   * Creates an organization: a tenant, whose identities are invisible from any other. @throws ValidationFailureError,
   * ExternalIdTakenError, DatabaseUnavailableError
   */
  async createOrganization(
    organization: NewOrganization,
    options: ChangeOptions = {},
  ): Promise<{ readonly organizationId: string; readonly slug: string }> {
    requireKnown('createOrganization', organization, ['name', 'externalId']);
    const { name } = await checked(CreateOrganizationDto, { name: organization.name });
    const { externalId: given } = organization;
    const externalId = given === undefined ? null : requireExternalId(given);
    return this.transaction.within('create-organization', options, async (work) => {
      const organization = await this.organizations.insert(work.run, name, externalId);
      work.changed(organizationTarget(organization));
      return { organizationId: organization.id, slug: organization.slug };
    });
  }

  /** The organization with your own id; null if there is none. @throws ValidationFailureError, DatabaseUnavailableError */
  async findOrganization(
    organization: { readonly externalId: string },
    options: ChangeOptions = {},
  ): Promise<OrganizationRecord | null> {
    requireKnown('findOrganization', organization, ['externalId']);
    const externalId = requireExternalId(organization.externalId);
    return this.transaction.read(options, (run) => this.reader.findOrganization(run, externalId));
  }

  /** An identity by its id; null if there is none. @throws DatabaseUnavailableError */
  async get(identityId: string, options: ChangeOptions = {}): Promise<MachineIdentityRecord | null> {
    return this.transaction.read(options, (run) => this.reader.get(run, identityId, organizationOf(options)));
  }

  /**
   * One page of the identities of an organization, newest first: 1 to 100, 20 if you do not say.
   *
   * @throws ValidationFailureError, DatabaseUnavailableError
   */
  async list(list: MachineIdentityList, options: ChangeOptions = {}): Promise<MachineIdentityPage> {
    requireKnown('list', list, ['organizationId', 'cursor', 'limit']);
    const { organizationId, cursor, limit } = list;
    return this.transaction.read(options, (run) => this.reader.list(run, { organizationId, cursor, limit }));
  }

  /**
   * Changes what is given.
   *
   * @throws IdentityNotFoundError, ValidationFailureError, UnknownRoleError, DatabaseUnavailableError; LastAdministratorError for
   * the role of the last identity of an organization that holds `admin` and can obtain a token.
   */
  async update(
    identityId: string,
    changes: MachineIdentityChanges,
    options: ChangeOptions = {},
  ): Promise<MachineIdentityRecord> {
    requireKnown('update', changes, ['name', 'role', 'metadata']);
    const { name, role } = changes;
    const metadata = changes.metadata && labelsOf(changes.metadata);
    const dto = await checked(UpdateIdentityDto, { name, metadata });
    requireDistinctKeys(dto.metadata);
    if (role !== undefined && !isRole(role)) throw new UnknownRoleError();
    const organizationId = organizationOf(options);
    return this.transaction.takeAway('update-identity', options, async (work) => {
      const change = () => this.change(work, identityId, organizationId, { ...dto, role });
      await this.lastAdministrator.keep(work.run, { identityId, organizationId }, change);
      return (await this.reader.get(work.run, identityId, organizationId))!;
    });
  }

  private async change(
    work: UnitOfWork,
    identityId: string,
    organizationId: string | null,
    { name, role, metadata }: UpdateIdentityDto & { role?: Role },
  ): Promise<void> {
    const { run } = work;
    const held = isId(identityId) ? await this.store.hold(run, identityId, organizationId) : undefined;
    if (held === undefined) throw new IdentityNotFoundError(identityId);
    work.changed(targetOf({ id: identityId, ...held }, { name, role, metadata }));
    if (role !== undefined && role !== held.role) await this.store.setRole(run, held.membershipId, role);
    if (metadata !== undefined) await this.store.replaceLabels(run, identityId, metadata);
    if (name !== undefined) await this.store.update(run, identityId, { ...held, name });
  }

  /**
   * Creates an identity with Token Auth: `AccessTokens.issue` issues tokens for it.
   *
   * @throws ValidationFailureError, UnknownRoleError, InvalidIpError, TtlExceedsMaxError, DatabaseUnavailableError
   */
  async create(identity: NewMachineIdentity, options: ChangeOptions = {}): Promise<{ readonly identityId: string }> {
    requireKnown('create', identity, ['organizationId', 'name', 'role', 'metadata', 'tokenAuth']);
    const { organizationId, role = 'no-access' } = identity;
    const metadata = labelsOf(identity.metadata ?? {});
    const dto = await checked(CreateIdentityDto, { organizationId, name: identity.name, metadata });
    requireDistinctKeys(dto.metadata);
    if (!isRole(role)) throw new UnknownRoleError();
    const policy = await policyOf(identity.tokenAuth ?? {});
    return this.transaction.within('create-identity', options, async (work) => {
      const { run } = work;
      const made = isId(organizationId) && (await this.store.insert(run, { organizationId, name: dto.name, role }));
      if (!made) throw new TypeError('organizationId is not the id of an organization');
      const { id: identityId } = made.identity;
      await this.store.addLabels(run, identityId, dto.metadata ?? []);
      const method = await this.methods.insert(run, { identityId, method: TOKEN_AUTH.slug, ...BARE, policy });
      work.changed(identityTarget(made.identity, { role, metadata: dto.metadata }));
      work.changed(authMethodTarget(method, organizationId));
      return { identityId };
    });
  }

  /**
   * Deletes an identity and its tokens, which are refused like revoked ones.
   *
   * @throws LastAdministratorError for the last identity of an organization that holds `admin` and can obtain a token;
   * LastProjectAdministratorError for the last administrator of a project; DatabaseUnavailableError.
   * @returns false for an identity that does not exist.
   */
  async delete(identityId: string, options: ChangeOptions = {}): Promise<boolean> {
    if (!isId(identityId)) return false;
    const organizationId = organizationOf(options);
    return this.transaction.takeAway('delete-identity', options, async (work) => {
      const { run } = work;
      const deleted = await this.lastAdministrator.keep(run, { identityId, organizationId }, async () => {
        await this.projectAdministrators.requireOthers(run, identityId, organizationId);
        return this.store.delete(run, identityId, organizationId);
      });
      if (deleted) work.changed(identityTarget({ id: identityId, ...deleted }));
      else {
        work.unchanged();
        await makeDurable(run);
      }
      return deleted !== undefined;
    });
  }

  /**
   * Replaces a client secret of Universal Auth by a new one with the same description, lifetime and use limit. The old one stays
   * usable until a login uses the new one or `graceSeconds` are over. Tokens that were obtained with it stay valid.
   *
   * @throws ClientSecretNotFoundError, ClientSecretNotRotatableError, ValidationFailureError, DatabaseUnavailableError;
   * ClientSecretRotatedBeforeError for a secret that another call has replaced; TooManyClientSecretsError for a client with 10,000
   */
  async rotateClientSecret(
    clientSecretId: string,
    how: RotationOptions,
    options: ChangeOptions = {},
  ): Promise<RotatedClientSecret> {
    requireKnown('rotateClientSecret', how, ['graceSeconds', 'endsOldOnFirstUse', 'idempotencyKey']);
    const place = { clientSecretId, organizationId: organizationOf(options) };
    const rotation = { ...place, ...checkedRotation(how) };
    return this.transaction.within('rotate-identity-universal-auth-client-secret', options, (work) =>
      this.secrets.rotate(work, rotation),
    );
  }
}

function labelsOf(metadata: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(metadata).map(([key, value]) => ({ key, value }));
}

async function policyOf(input: TokenPolicy): Promise<AccessTokenPolicy> {
  requireKnown('tokenAuth', input, [...POLICY, 'accessTokenTrustedIps']);
  const dto = await checked(AttachTokenAuthDto, input);
  requireCoherentInput(dto, DEFAULT_POLICY);
  return mergePolicy(DEFAULT_POLICY, dto);
}

const POLICY = ['accessTokenTTL', 'accessTokenMaxTTL', 'accessTokenNumUsesLimit'];

/** Token Auth has no settings but the policy of its tokens. */
const BARE = { config: {}, sealedSecrets: null, clientId: null };

/** An identity as its change makes it. */
function targetOf(
  held: HeldIdentity & { readonly id: string },
  changes: UpdateIdentityDto & { role?: Role },
): ChangeTarget {
  const { name = held.name, role = held.role, metadata } = changes;
  return identityTarget({ ...held, name }, { role, metadata });
}
