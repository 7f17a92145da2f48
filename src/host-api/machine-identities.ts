import { Injectable } from '@nestjs/common';
import {
  type AccessTokenPolicy,
  DEFAULT_POLICY,
  mergePolicy,
  requireCoherentInput,
} from '../access-tokens/issuing/access-token-policy';
import { AuthMethodStore } from '../auth-methods/configuration/auth-method.store';
import { makeDurable } from '../changes/unit-of-work';
import { isId } from '../common/ids';
import { CreateIdentityDto } from '../identities/dto/identity-input.dtos';
import { requireDistinctKeys } from '../identities/distinct-keys';
import { IdentityStore } from '../identities/identity.store';
import { UnknownRoleError } from '../identities/identities.errors';
import { CreateOrganizationDto } from '../organizations/dto/organization.dtos';
import { OrganizationStore } from '../organizations/organization.store';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { isRole, type Role } from '../permissions/roles';
import { AttachTokenAuthDto } from '../token-auth/dto/token-auth.dtos';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import { type ChangeOptions, HostTransactionService, organizationOf } from './host-transaction.service';
import { checked, requireKnown } from './input';

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
 * Creates organizations and identities in a host's own code, in the host's own transaction if it passes one. It checks no
 * permission: the host decides who may call it.
 */
@Injectable()
export class MachineIdentities {
  constructor(
    private readonly transaction: HostTransactionService,
    private readonly organizations: OrganizationStore,
    private readonly store: IdentityStore,
    private readonly methods: AuthMethodStore,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /**
   * Creates an organization: a tenant, whose identities are invisible from any other. @throws ValidationFailureError,
   * DatabaseUnavailableError
   */
  async createOrganization(
    organization: { readonly name: string },
    options: ChangeOptions = {},
  ): Promise<{ readonly organizationId: string; readonly slug: string }> {
    requireKnown('createOrganization', organization, ['name']);
    const { name } = await checked(CreateOrganizationDto, organization);
    return this.transaction.within('create-organization', options, async (work) => {
      const { id: organizationId, slug } = await this.organizations.insert(work.run, name);
      work.changed({ type: 'organization', id: organizationId, organizationId });
      return { organizationId, slug };
    });
  }

  /**
   * Creates an identity with Token Auth: `AccessTokens.issue` issues tokens for it.
   *
   * @throws ValidationFailureError, UnknownRoleError, InvalidIpError, TtlExceedsMaxError, DatabaseUnavailableError
   */
  async create(identity: NewMachineIdentity, options: ChangeOptions = {}): Promise<{ readonly identityId: string }> {
    requireKnown('create', identity, ['organizationId', 'name', 'role', 'metadata', 'tokenAuth']);
    const { organizationId, role = 'no-access' } = identity;
    const metadata = Object.entries(identity.metadata ?? {}).map(([key, value]) => ({ key, value }));
    const dto = await checked(CreateIdentityDto, { organizationId, name: identity.name, metadata });
    requireDistinctKeys(dto.metadata);
    if (!isRole(role)) throw new UnknownRoleError();
    const policy = await policyOf(identity.tokenAuth ?? {});
    return this.transaction.within('create-identity', options, async (work) => {
      const { run } = work;
      const made = isId(organizationId) && (await this.store.insert(run, { organizationId, name: dto.name, role }));
      if (!made) throw new TypeError('organizationId is not the id of an organization');
      const { id: identityId } = made.identity;
      work.changed({ type: 'identity', id: identityId, identityId, organizationId });
      await this.store.addLabels(run, identityId, dto.metadata ?? []);
      await this.methods.insert(run, { identityId, method: TOKEN_AUTH.slug, ...BARE, policy });
      return { identityId };
    });
  }

  /**
   * Deletes an identity and its tokens, which are refused like revoked ones.
   *
   * @throws LastAdministratorError for the last identity of an organization that holds `admin` and can obtain a token;
   * DatabaseUnavailableError.
   * @returns false for an identity that does not exist.
   */
  async delete(identityId: string, options: ChangeOptions = {}): Promise<boolean> {
    if (!isId(identityId)) return false;
    const organizationId = organizationOf(options);
    return this.transaction.takeAway('delete-identity', options, async (work) => {
      const { run } = work;
      const isDeleted = await this.lastAdministrator.keep(run, { identityId, organizationId }, () =>
        this.store.delete(run, identityId, organizationId),
      );
      if (isDeleted) {
        work.changed({ type: 'identity', id: identityId, identityId, organizationId: organizationId ?? undefined });
      } else {
        work.unchanged();
        await makeDurable(run);
      }
      return isDeleted;
    });
  }
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
