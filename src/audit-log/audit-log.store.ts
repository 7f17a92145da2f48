import type { SqlRunner } from '../database/sql-runner';
import type { AuditEvent } from './audit-event';

/**
 * Writes events, and puts each into the queue of those that are to be sealed. Names of the actor come from the database: they are
 * those of the moment. An event of a login whose method is gone meanwhile belongs to no organization, and is left out.
 */
export async function appendEvents(run: SqlRunner, events: readonly AuditEvent[]): Promise<void> {
  await run(APPEND, [JSON.stringify(events)]);
}

// Planned once for a connection.
const APPEND = 'SELECT latchkey.audit_append($1::jsonb) AS written';
