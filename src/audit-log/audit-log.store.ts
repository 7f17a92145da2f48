import type { SqlRunner } from '../database/sql-runner';
import type { AuditEvent } from './audit-event';

/**
 * Writes events, and puts each into the queue of those that are to be sealed. Names of the actor come from the database: they are
 * those of the moment. An event of a login whose method is gone meanwhile belongs to no organization, and is left out.
 */
export async function appendEvents(run: SqlRunner, events: readonly AuditEvent[]): Promise<void> {
  await run(APPEND, [JSON.stringify(events)]);
}

const APPEND = `
  WITH given AS MATERIALIZED (
    SELECT e.*, coalesce(to_timestamp(e.at / 1000.0), clock_timestamp())::timestamptz(3) AS created_at,
           coalesce(e."organizationId", owner.organization_id) AS organization_id,
           coalesce(e."identityId", owner.identity_id) AS identity_id,
           i.name AS actor_name, t.auth_method, t.client_secret_id
      FROM jsonb_to_recordset($1::jsonb) AS e (
             id uuid, at double precision, "organizationId" uuid, "eventType" text, outcome text, reason text, "actorType" text,
             "actorIdentityId" uuid, "actorTokenId" uuid, "identityId" uuid, "tokenId" uuid, "authMethodId" uuid,
             "eventMetadata" jsonb, "ipAddress" text, "userAgent" text, "userAgentType" text, "requestId" text)
      LEFT JOIN latchkey.identities i ON i.id = e."actorIdentityId"
      LEFT JOIN latchkey.identity_access_tokens t ON t.id = e."actorTokenId"
      LEFT JOIN LATERAL (
        SELECT a.identity_id, owned.organization_id
          FROM latchkey.identity_auth_methods a JOIN latchkey.identities owned ON owned.id = a.identity_id
         WHERE a.id = e."authMethodId") AS owner ON e."organizationId" IS NULL
     WHERE coalesce(e."organizationId", owner.organization_id) IS NOT NULL
  ), queued AS (
    INSERT INTO latchkey.audit_unsealed (created_at, id, organization_id)
    SELECT created_at, id, organization_id FROM given
  )
  INSERT INTO latchkey.audit_logs (
    id, created_at, organization_id, event_type, outcome, reason, actor_type, actor_identity_id, actor_token_id, actor_metadata,
    identity_id, token_id, event_metadata, ip_address, user_agent, user_agent_type, request_id)
  SELECT id, created_at, organization_id, "eventType", outcome, reason, "actorType", "actorIdentityId", "actorTokenId",
         jsonb_strip_nulls(jsonb_build_object(
           'identityId', "actorIdentityId", 'name', actor_name, 'authMethod', auth_method, 'tokenId', "actorTokenId",
           'clientSecretId', client_secret_id)),
         identity_id, "tokenId", "eventMetadata", "ipAddress", "userAgent", "userAgentType", "requestId"
    FROM given`;
