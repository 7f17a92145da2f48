import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/**
 * The writing of events, as a function: PostgreSQL plans its statement once for a connection. To plan it took three times as long
 * as to run it, and every change waits for it.
 */
export class PlanAuditEventsOnce1767110000000 implements MigrationInterface {
  name = 'PlanAuditEventsOnce1767110000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, UP));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, 'DROP FUNCTION latchkey.audit_append'));
  }
}

// The plan is made while the tables may still be empty, and must be right for millions. So names are looked up for each event, and
// never by reading a table from end to end. `created_at` has milliseconds, as the chain has.
const UP = `
  CREATE OR REPLACE FUNCTION latchkey.audit_append(events jsonb) RETURNS integer LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
  DECLARE
    written integer;
  BEGIN
    WITH given AS MATERIALIZED (
      SELECT e.*, coalesce(to_timestamp(e.at / 1000.0), clock_timestamp())::timestamptz(3) AS created_at,
             coalesce(e."organizationId", owner.organization_id) AS organization_id,
             coalesce(e."identityId", owner.identity_id) AS identity_id,
             (SELECT i.name FROM latchkey.identities i WHERE i.id = e."actorIdentityId") AS actor_name,
             t.auth_method, t.client_secret_id
        FROM jsonb_to_recordset(events) AS e (
               id uuid, at double precision, "organizationId" uuid, "eventType" text, outcome text, reason text, "actorType" text,
               "actorIdentityId" uuid, "actorTokenId" uuid, "identityId" uuid, "tokenId" uuid, "authMethodId" uuid,
               "eventMetadata" jsonb, "ipAddress" text, "userAgent" text, "userAgentType" text, "requestId" text)
        LEFT JOIN LATERAL (
          SELECT k.auth_method, k.client_secret_id FROM latchkey.identity_access_tokens k
           WHERE k.id = e."actorTokenId" LIMIT 1) AS t ON true
        LEFT JOIN LATERAL (
          SELECT a.identity_id, (SELECT i.organization_id FROM latchkey.identities i WHERE i.id = a.identity_id) AS organization_id
            FROM latchkey.identity_auth_methods a
           WHERE a.id = e."authMethodId" AND e."organizationId" IS NULL LIMIT 1) AS owner ON true
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
      FROM given;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
  END $$`;
