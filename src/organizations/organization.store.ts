import { Injectable } from '@nestjs/common';
import { Organization } from '../database/entities/organization.entity';
import type { SqlRunner } from '../database/sql-runner';
import { slugOf } from './slug';

/** The one writer of organizations. It takes any `SqlRunner`, in a transaction of Latchkey's or of a host's. */
@Injectable()
export class OrganizationStore {
  async insert(run: SqlRunner, name: string): Promise<Organization> {
    const slug = slugOf(name);
    const [row] = await run<Pick<Organization, 'id' | 'createdAt' | 'updatedAt'>>(INSERT, [name, slug]);
    return Object.assign(new Organization(), { ...row!, name, slug });
  }
}

const INSERT = `
  INSERT INTO latchkey.organizations (name, slug) VALUES ($1, $2)
  RETURNING id, created_at AS "createdAt", updated_at AS "updatedAt"`;
