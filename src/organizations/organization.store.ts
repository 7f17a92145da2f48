import { Injectable } from '@nestjs/common';
import { ExternalIdTakenError } from '../access-tokens/issuing/access-tokens.errors';
import { Organization } from '../database/entities/organization.entity';
import type { SqlRunner } from '../database/sql-runner';
import { slugOf } from './slug';

/** The one writer of organizations. It takes any `SqlRunner`, in a transaction of Latchkey's or of a host's. */
@Injectable()
export class OrganizationStore {
  /** @throws ExternalIdTakenError */
  async insert(run: SqlRunner, name: string, externalId: string | null = null): Promise<Organization> {
    const slug = slugOf(name);
    const [row] = await run<Pick<Organization, 'id' | 'createdAt' | 'updatedAt'>>(INSERT, [name, slug, externalId]);
    if (row === undefined) throw new ExternalIdTakenError();
    return Object.assign(new Organization(), { ...row, name, slug, externalId });
  }
}

// An id that is in use inserts nothing. A violated constraint would end the transaction, which may be a host's.
const INSERT = `
  INSERT INTO latchkey.organizations (name, slug, external_id) VALUES ($1, $2, $3)
  ON CONFLICT (external_id) WHERE external_id IS NOT NULL DO NOTHING
  RETURNING id, created_at AS "createdAt", updated_at AS "updatedAt"`;
