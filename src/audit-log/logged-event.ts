import type { ActorType, Outcome } from './audit-event';

/** A row of the log. */
export interface AuditLogRow {
  readonly id: string;
  readonly created_at: Date;
  readonly organization_id: string;
  readonly event_type: string;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly actor_type: ActorType;
  readonly actor_metadata: object;
  readonly event_metadata: object;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly user_agent_type: string | null;
  readonly request_id: string | null;
}

/** The columns of `AuditLogRow`. */
export const ROW = `id, created_at, organization_id, event_type, outcome, reason, actor_type, actor_metadata, event_metadata,
  ip_address, user_agent, user_agent_type, request_id`;

/** An event as clients see it (contract 3.10, decision 37). An export has these fields, and the chain covers them all. */
export interface LoggedEvent {
  readonly id: string;
  readonly createdAt: string;
  readonly orgId: string;
  readonly projectId: null;
  readonly projectName: null;
  readonly event: { readonly type: string; readonly metadata: object };
  readonly actor: { readonly type: ActorType; readonly metadata: object };
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly reqId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly userAgentType: string | null;
}

export function loggedEvent(row: AuditLogRow): LoggedEvent {
  return {
    id: row.id,
    createdAt: row.created_at.toISOString(),
    orgId: row.organization_id,
    projectId: null,
    projectName: null,
    event: { type: row.event_type, metadata: row.event_metadata },
    actor: { type: row.actor_type, metadata: row.actor_metadata },
    outcome: row.outcome,
    reason: row.reason,
    reqId: row.request_id,
    ipAddress: row.ip_address,
    userAgent: row.user_agent,
    userAgentType: row.user_agent_type,
  };
}
