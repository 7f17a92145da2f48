import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { EntityManager, Repository } from 'typeorm';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { Organization } from './organization.entity';

const SUFFIX_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

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

/** What is left of a name in an address, and six random characters so that two of one name can be told apart. */
function slugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['organization'];
  const suffix = Array.from({ length: 6 }, () => SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)]).join('');
  return `${words.join('-').slice(0, 57)}-${suffix}`;
}
