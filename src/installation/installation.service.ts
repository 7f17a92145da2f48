import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { type DataSource, IsNull } from 'typeorm';
import type { Actor } from '../changes/change';
import { ChangesService } from '../changes/changes.service';
import type { OwnUnitOfWork } from '../changes/unit-of-work';
import { Clock } from '../common/clock/clock';
import { hashPassword } from '../common/crypto/password-hash';
import { isDatabaseUnavailable } from '../common/errors/database-errors';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { InstanceStore } from '../database/instance.store';
import { requireAllRows } from '../database/schema';
import type { RequestOrigin } from '../common/http/request-origin';
import type { BootstrapDto } from './dto/installation.dtos';
import { Instance } from '../database/entities/instance.entity';
import type { OrganizationFounder, Tenant } from '../organizations/organization.founder';
import { AlreadyInitializedError } from './installation.errors';
import { BootstrapQueue } from './bootstrap.queue';
import { TenantFounder } from './tenant.founder';
import { User } from '../database/entities/user.entity';

const BOOTSTRAP = 'bootstrap-instance';

/** The installation as a whole: set up once, then home of any number of tenants. */
@Injectable()
export class InstallationService implements OrganizationFounder {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly instance: InstanceStore,
    private readonly queue: BootstrapQueue,
    private readonly changes: ChangesService,
    private readonly founder: TenantFounder,
    private readonly clock: Clock,
  ) {}

  /** Sets the installation up for a person (contract 1.5). @throws AlreadyInitializedError, SetUpBusyError */
  async bootstrap(dto: BootstrapDto, origin: RequestOrigin): Promise<Tenant & { user: User }> {
    return this.queue.enqueue(() => this.setUp(dto, origin), isForEverybody);
  }

  /**
   * Sets up the installation without a person; null if it was set up before.
   *
   * @param keep is called before the commit: if it throws, nothing is set up.
   */
  async initializeOnce(organizationName: string, keep?: (tenant: Tenant) => void): Promise<Tenant | null> {
    try {
      return await this.changes.add({ actor: 'system', action: BOOTSTRAP }, async (work) => {
        const tenant = await this.initialize(work, organizationName);
        keep?.(tenant);
        return tenant;
      });
    } catch (error) {
      if (error instanceof AlreadyInitializedError) return null;
      throw error;
    }
  }

  async createOrganization(actor: Actor, name: string): Promise<Tenant> {
    return this.changes.add({ actor, action: 'create-organization' }, async (work) => {
      return this.founder.found(work, {
        organizationName: name,
        adminName: 'Organization Admin Identity',
        tokenName: 'Organization Admin Token',
        isInstanceAdmin: false,
      });
    });
  }

  private async setUp(
    { email, password, organization }: BootstrapDto,
    origin: RequestOrigin,
  ): Promise<Tenant & { user: User }> {
    // Checked first, because hashing is expensive and every caller can ask for it. The lock still decides: other processes have
    // their own queues.
    if (!(await this.isFresh())) throw new AlreadyInitializedError();
    // Before the transaction: hashing takes a third of a second, and other processes wait for the lock.
    const passwordHash = await hashPassword(password);
    const actor = { program: 'system', ...origin } as const;
    return this.changes.add({ actor, action: BOOTSTRAP }, async (work) => {
      const { tx } = work;
      const tenant = await this.initialize(work, organization);
      const person = { email: email.toLowerCase(), firstName: 'Admin', lastName: 'User', isSuperAdmin: true };
      return { ...tenant, user: await tx.save(tx.create(User, { ...person, passwordHash })) };
    });
  }

  private async isFresh(): Promise<boolean> {
    const isFresh = await this.dataSource.manager.existsBy(Instance, { initializedAt: IsNull() });
    if (!isFresh) await requireAllRows(this.dataSource);
    return isFresh;
  }

  private async initialize(work: OwnUnitOfWork, organizationName: string): Promise<Tenant> {
    if (!(await this.instance.initialize(work.run, this.clock.now()))) throw new AlreadyInitializedError();
    return this.founder.found(work, {
      organizationName,
      adminName: 'Instance Admin Identity',
      tokenName: 'Instance Admin Token',
      isInstanceAdmin: true,
    });
  }
}

/** A result that all waiting requests would get too. A set-up is final. */
function isForEverybody(error: unknown): boolean {
  return error instanceof AlreadyInitializedError || isDatabaseUnavailable(error);
}
