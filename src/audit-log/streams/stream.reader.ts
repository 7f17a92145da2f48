import type { SqlRunner } from '../../database/sql-runner';
import { readEvents } from '../chain/batch-reads.store';
import type { StreamPlace } from './audit-stream';
import { batchFrom, type StreamedBatch } from './sealed-events.store';
import { type Delivery, deliveryOf } from './webhook';

/** The most events of one delivery. It is fixed, because a delivery that is tried again must have the same events. */
export const LARGEST_DELIVERY = 100;

/** The next delivery of a stream, and the place behind it. */
export interface NextDelivery {
  /** Undefined where every event was removed after its retention time. */
  readonly delivery: Delivery | undefined;
  readonly behind: StreamPlace;
}

/** Reads the chain of one organization for a stream, in order. It keeps the last batch in memory. */
export class StreamReader {
  private batch: StreamedBatch | undefined;

  constructor(
    private readonly run: SqlRunner,
    private readonly stream: { readonly id: string; readonly organizationId: string },
  ) {}

  /** Undefined if nothing is sealed behind the place. */
  async next({ batch: from, sent }: StreamPlace): Promise<NextDelivery | undefined> {
    const batch = await this.read(from);
    if (batch === undefined) return undefined;
    const { number, eventIds } = batch;
    const first = number === from ? sent : 0;
    const count = Math.min(LARGEST_DELIVERY, eventIds.length - first);
    const isLast = first + count >= eventIds.length;
    const behind = isLast ? { batch: number + 1, sent: 0 } : { batch: number, sent: first + count };
    return { delivery: await this.part({ batch: number, first, count }), behind };
  }

  /** A part of the chain; undefined if it was removed after its retention time. */
  async part(place: { batch: number; first: number; count: number }): Promise<Delivery | undefined> {
    const { first, count } = place;
    const batch = await this.read(place.batch);
    if (batch?.number !== place.batch) return undefined;
    const rows = await readEvents(this.run, batch, batch.eventIds.slice(first, first + count));
    return deliveryOf(batch, rows, { streamId: this.stream.id, first, count });
  }

  /** The first batch from a number on. */
  private async read(from: number): Promise<StreamedBatch | undefined> {
    if (this.batch?.number === from) return this.batch;
    return (this.batch = await batchFrom(this.run, this.stream.organizationId, from));
  }
}
