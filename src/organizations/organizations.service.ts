import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import type { PageDto, PageQueryDto } from '../common/http/page';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { ListReads } from '../database/list-reads';
import { readPage } from '../database/read-page';
import { Organization } from '../database/entities/organization.entity';

/** Reads organizations. `organization.store.ts` writes them. */
@Injectable()
export class OrganizationsService {
  constructor(
    @InjectRepository(Organization, LATCHKEY_DATA_SOURCE) private readonly organizations: Repository<Organization>,
    private readonly reads: ListReads,
  ) {}

  /** The organization with which the installation was set up. */
  first(): Promise<Organization | undefined> {
    return this.organizations.find({ order: { createdAt: 'ASC', id: 'ASC' }, take: 1 }).then(([first]) => first);
  }

  /** One page, newest first (decision 17). The read counts for the share of the caller's organization. */
  list(callerId: string, query: PageQueryDto): Promise<PageDto & { page: Organization[] }> {
    return this.reads.read(callerId, (tx) => readPage(tx, tx.createQueryBuilder(Organization, 'o'), query));
  }
}
