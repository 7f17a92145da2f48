import { createHmac } from 'node:crypto';
import { type AuditLogRow, loggedEvent } from '../logged-event';
import type { StreamedBatch } from './sealed-events.store';

/** Part of a batch, as it is delivered. The same part has the same bytes each time. */
export interface Delivery {
  /** The id of the message. It is the same each time. */
  readonly id: string;
  readonly batch: number;
  /** The place of the first event in the batch, from 0. */
  readonly first: number;
  /** How many places of the batch it covers. Events of a month that was removed are left out. */
  readonly count: number;
  readonly body: string;
}

/** Places of a batch that a delivery covers. */
export interface Part {
  readonly streamId: string;
  readonly first: number;
  readonly count: number;
}

/**
 * @param rows the events of the part, in their order.
 * @returns undefined if every event of the part was removed after its retention time.
 */
export function deliveryOf(batch: StreamedBatch, rows: readonly AuditLogRow[], part: Part): Delivery | undefined {
  const { streamId, first, count } = part;
  if (rows.length === 0) return undefined;
  const events = rows.map(loggedEvent);
  const { organizationId, number, previousHash, hash } = batch;
  const sealedAt = batch.sealedAt.toISOString();
  const chain = { number, sealedAt, previousHash: previousHash.toString('hex'), hash: hash.toString('hex') };
  const body = {
    type: 'audit-log.events',
    timestamp: sealedAt,
    data: { organizationId, batch: chain, first, events },
  };
  const id = `msg_${streamId.replaceAll('-', '')}_${number}_${first}`;
  return { id, batch: number, first, count, body: JSON.stringify(body) };
}

/**
 * The headers of Standard Webhooks 1.0: the signature is an HMAC-SHA256 over the id, the time in seconds and the body, with dots
 * between them.
 */
export function signedHeaders({ id, body }: Delivery, key: Buffer, now: Date): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'user-agent': 'Latchkey',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
