import { Injectable } from '@nestjs/common';
import { VerificationPools } from '../database/connections/verification-pools';
import type { MaintenanceJob } from './maintenance.job';

const BATCH = 1_000;

/**
 * Marks the tokens of removed methods as revoked, and removes those of deleted identities. These tokens are refused already:
 * only the length of the table depends on this. The tokens of a method are walked once, in the order of their index, because
 * none is added to them any more.
 */
@Injectable()
export class RemovedMethodCleaner implements MaintenanceJob {
  constructor(private readonly database: VerificationPools) {}

  async runBatch(): Promise<boolean> {
    const [row] = await this.database.write<{ found: number }>(CLEAR, [BATCH]);
    return (row?.found ?? 0) > 0;
  }
}

// One node at a time.
const CLEAR = `
  WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended('latchkey.clear_removed_methods', 0)) AS is_mine
  ), removed AS MATERIALIZED (
    SELECT r.*, EXISTS (SELECT FROM latchkey.identities i WHERE i.id = r.identity_id) AS has_identity
      FROM latchkey.removed_auth_methods r WHERE (SELECT is_mine FROM turn) ORDER BY r.removed_at, r.id LIMIT 1
  ), batch AS MATERIALIZED (
    SELECT t.id, t.created_at, r.id AS method_id, r.has_identity, r.removed_at
      FROM removed r, LATERAL (
        SELECT t.id, t.created_at FROM latchkey.identity_access_tokens t
         WHERE t.identity_id = r.identity_id AND t.auth_method = r.method
           AND (t.created_at, t.id) > (r.cleared_to_time, r.cleared_to_id)
         ORDER BY t.created_at, t.id LIMIT $1) t
  ), revoked AS (
    UPDATE latchkey.identity_access_tokens t
       SET revoked_at = batch.removed_at, updated_at = greatest(t.updated_at, batch.removed_at)
      FROM batch
     WHERE t.id = batch.id AND t.auth_method_id = batch.method_id AND t.revoked_at IS NULL AND batch.has_identity
  ), pruned AS (
    DELETE FROM latchkey.identity_access_tokens t USING batch
     WHERE t.id = batch.id AND t.auth_method_id = batch.method_id AND NOT batch.has_identity
  ), walked AS (
    SELECT created_at, id FROM batch ORDER BY created_at DESC, id DESC LIMIT 1
  ), moved AS (
    UPDATE latchkey.removed_auth_methods r SET cleared_to_time = walked.created_at, cleared_to_id = walked.id
      FROM removed, walked WHERE r.id = removed.id AND (SELECT count(*) FROM batch) = $1
  ), cleared AS (
    DELETE FROM latchkey.removed_auth_methods r USING removed
     WHERE r.id = removed.id AND (SELECT count(*) FROM batch) < $1
  )
  SELECT count(*)::integer AS found FROM removed`;
