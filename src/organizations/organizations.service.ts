import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { EntityManager, Repository } from 'typeorm';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { Organization } from './organization.entity';
import { slugOf } from './slug';

/** Tenants. */
@Injectable()
export class OrganizationsService {
  constructor(
    @InjectRepository(Organization, LATCHKEY_DATA_SOURCE) private readonly organizations: Repository<Organization>,
  ) {}

  create(tx: EntityManager, name: string): Promise<Organization> {
    return tx.save(tx.create(Organization, { name, slug: slugOf(name) }));
  }

  /** Newest first, and how many there are in all. */
  list({ limit, offset }: { limit: number; offset: number }): Promise<[Organization[], number]> {
    return this.organizations.findAndCount({ order: { createdAt: 'DESC', id: 'DESC' }, take: limit, skip: offset });
  }
}
