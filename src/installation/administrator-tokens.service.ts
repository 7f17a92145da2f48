import { Injectable, Logger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuthMethodConfigurationsService } from '../auth-methods/configuration/auth-method-configurations.service';
import { EVERY_ADDRESS } from '../common/net/trusted-ips';
import type { ChangeTarget } from '../changes/change';
import { authMethodTarget, identityTarget, tokenTarget } from '../changes/targets';
import { ChangesService } from '../changes/changes.service';
import { inSchemaOf } from '../database/schema';
import { sqlIn } from '../database/sql-runner';
import { IdentityStore } from '../identities/identity.store';
import { Identity } from '../database/entities/identity.entity';
import type { ManagedIdentity } from '../identities/managed-identities.service';
import { OrganizationMembership } from '../database/entities/organization-membership.entity';
import { LatchkeySettings } from '../latchkey.options';
import { Organization } from '../database/entities/organization.entity';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import { TokenAuthIssuer } from '../token-auth/token-auth.issuer';
import { NotSetUpError, OrganizationNotFoundError, TokenOutlivesCeilingError } from './installation.errors';

/** The administrator for which a token is issued. */
export interface AdministratorTokenRequest {
  /** The id or slug of an organization; if left out, an administrator of the instance. */
  readonly organization?: string;
  /** Seconds. If left out, as long as the identity's policy, or the ceiling, allows. */
  readonly lifetimeSeconds?: number;
}

export interface AdministratorToken {
  readonly organizationId: string;
  readonly identityId: string;
  readonly isInstanceAdmin: boolean;
  /** True if there was no administrator whose tokens are usable from any address, so that one was created. */
  readonly isNewIdentity: boolean;
  readonly tokenId: string;
  /** Shown once. */
  readonly accessToken: string;
  readonly expiresIn: number;
}

/** An administrator that was created because there was none to issue a token for. */
interface FoundAdministrator {
  readonly holder: ManagedIdentity;
  readonly targets: readonly ChangeTarget[];
}

const TOKEN_NAME = 'Issued from the command line';

/**
 * Tokens for the owner of the machine (decision 35). No HTTP call leads here, and no permission is checked. It works whatever
 * happened to the existing administrators.
 */
@Injectable()
export class AdministratorTokensService {
  private readonly logger = new Logger(AdministratorTokensService.name);

  constructor(
    private readonly changes: ChangesService,
    private readonly identities: IdentityStore,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly tokens: TokenAuthIssuer,
    private readonly settings: LatchkeySettings,
  ) {}

  /**
   * @param keep is called before the commit: if it throws, no token is issued.
   * @throws NotSetUpError, OrganizationNotFoundError, TokenOutlivesCeilingError
   */
  async issue(
    { organization: wanted, lifetimeSeconds }: AdministratorTokenRequest,
    keep?: (token: AdministratorToken) => void,
  ): Promise<AdministratorToken> {
    const { maxTokenAgeSeconds: ceiling } = this.settings;
    if (lifetimeSeconds !== undefined && ceiling > 0 && lifetimeSeconds > ceiling) {
      throw new TokenOutlivesCeilingError(ceiling);
    }
    const attempt = { actor: 'operator', action: 'create-token-identity-token-auth' } as const;
    const issued = await this.changes.add(attempt, async (work) => {
      const { tx } = work;
      const isInstanceAdmin = wanted === undefined;
      const organization = isInstanceAdmin ? await this.home(tx) : await this.find(tx, wanted);
      const found = await this.administrator(tx, organization.id, isInstanceAdmin);
      const made = found ? undefined : await this.found(tx, organization.id, isInstanceAdmin);
      const holder = found ?? made!.holder;
      const { accessToken, expiresIn, tokenData } = await this.tokens.issue(tx, holder, TOKEN_NAME, lifetimeSeconds);
      const token = {
        organizationId: organization.id,
        identityId: holder.identity.id,
        isInstanceAdmin: holder.identity.isInstanceAdmin,
        isNewIdentity: found === undefined,
        tokenId: tokenData.id,
        accessToken,
        expiresIn,
      };
      work.changed(tokenTarget({ ...tokenData, organizationId: organization.id }));
      for (const target of made?.targets ?? []) work.changed(target);
      keep?.(token);
      return token;
    });
    const { organizationId, identityId, tokenId, isInstanceAdmin, isNewIdentity } = issued;
    const event = 'administrator.token_issued';
    this.logger.warn({ event, organizationId, identityId, tokenId, isInstanceAdmin, isNewIdentity });
    return issued;
  }

  private async find(tx: EntityManager, wanted: string): Promise<Organization> {
    const organization = await tx
      .createQueryBuilder(Organization, 'o')
      .where('o.id::text = lower(:wanted) OR o.slug = :wanted', { wanted })
      .getOne();
    if (!organization) throw new OrganizationNotFoundError(wanted);
    return organization;
  }

  /**
   * The organization of the instance's administrators. If there are none, the organization with which the instance was set up.
   */
  private async home(tx: EntityManager): Promise<Organization> {
    const [row] = await tx.query<{ id: string }[]>(inSchemaOf(tx, HOME));
    if (row === undefined) throw new NotSetUpError();
    return tx.findOneByOrFail(Organization, { id: row.id });
  }

  /** The oldest administrator whose tokens are usable from any address, any number of times. */
  private async administrator(
    tx: EntityManager,
    organizationId: string,
    isInstanceAdmin: boolean,
  ): Promise<ManagedIdentity | undefined> {
    const everywhere = JSON.stringify(EVERY_ADDRESS);
    const [row] = await tx.query<{ id: string; identity_id: string }[]>(inSchemaOf(tx, ADMINISTRATOR), [
      organizationId,
      isInstanceAdmin,
      everywhere,
    ]);
    if (row === undefined) return undefined;
    const identity = await tx.findOneByOrFail(Identity, { id: row.identity_id });
    return { identity, membership: await tx.findOneByOrFail(OrganizationMembership, { id: row.id }) };
  }

  private async found(
    tx: EntityManager,
    organizationId: string,
    isInstanceAdmin: boolean,
  ): Promise<FoundAdministrator> {
    const name = `${isInstanceAdmin ? 'Instance' : 'Organization'} Admin Identity (command line)`;
    const made = { organizationId, name, role: 'admin', isInstanceAdmin } as const;
    const holder = (await this.identities.insert(sqlIn(tx), made))!;
    const unlimited = { accessTokenTTL: 0, accessTokenMaxTTL: 0 };
    const method = await this.configurations.insert(tx, TOKEN_AUTH, holder.identity, unlimited);
    const { role } = made;
    return {
      holder,
      targets: [identityTarget(holder.identity, { role, isInstanceAdmin }), authMethodTarget(method, organizationId)],
    };
  }
}

const HOME = `
  SELECT o.id FROM latchkey.organizations o
    LEFT JOIN latchkey.identities i ON i.organization_id = o.id AND i.is_instance_admin
   WHERE i.id IS NOT NULL OR EXISTS (SELECT FROM latchkey.instance WHERE initialized_at IS NOT NULL)
   ORDER BY i.id IS NULL, o.created_at, o.id LIMIT 1`;

// The membership stays locked, as for any change of an identity's credentials. For an organization, an identity that is only
// its administrator comes first.
const ADMINISTRATOR = `
  SELECT m.id, m.identity_id FROM latchkey.organization_memberships m
    JOIN latchkey.identities i ON i.id = m.identity_id AND i.organization_id = m.organization_id
    JOIN latchkey.identity_auth_methods a ON a.identity_id = i.id AND a.method = 'token-auth'
   WHERE m.organization_id = $1 AND m.role = 'admin' AND m.is_active AND (i.is_instance_admin OR NOT $2)
     AND a.access_token_num_uses_limit = 0 AND a.access_token_trusted_ips = $3::jsonb
   ORDER BY i.is_instance_admin, i.created_at, i.id LIMIT 1 FOR NO KEY UPDATE OF m`;
