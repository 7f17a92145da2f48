import type { SqlRunner } from '../../database/sql-runner';
import { readBatch, readEventsOf } from '../chain/batch-reads.store';
import type { SealedBatch } from '../chain/batch.store';
import { type StreamPlace } from './audit-stream';
import { nextBatch } from './audit-stream.store';
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
  private batch: SealedBatch | undefined;

  constructor(
    private readonly run: SqlRunner,
    private readonly stream: { readonly id: string; readonly organizationId: string },
  ) {}

  /** Undefined if nothing is sealed behind the place. */
  async next({ batch: from, sent }: StreamPlace): Promise<NextDelivery | undefined> {
    const number = await this.numberFrom(from);
    if (number === undefined) return undefined;
    const first = number === from ? sent : 0;
    const batch = await this.read(number);
    const size = batch?.eventIds.length ?? 0;
    const count = Math.max(0, Math.min(LARGEST_DELIVERY, size - first));
    const isLast = first + count >= size;
    const behind = isLast ? { batch: number + 1, sent: 0 } : { batch: number, sent: first + count };
    return { delivery: await this.part({ batch: number, first, count }), behind };
  }

  /** A part of the chain; undefined if it was removed after its retention time. */
  async part(place: { batch: number; first: number; count: number }): Promise<Delivery | undefined> {
    const { first, count } = place;
    const batch = await this.read(place.batch);
    if (batch === undefined || count === 0) return undefined;
    const eventIds = batch.eventIds.slice(first, first + count);
    const rows = await readEventsOf(this.run, { ...batch, eventIds });
    return deliveryOf(batch, rows, { streamId: this.stream.id, first, count });
  }

  private async numberFrom(from: number): Promise<number | undefined> {
    return this.batch?.number === from ? from : nextBatch(this.run, this.stream.organizationId, from);
  }

  private async read(number: number): Promise<SealedBatch | undefined> {
    if (this.batch?.number === number) return this.batch;
    return (this.batch = await readBatch(this.run, this.stream.organizationId, number));
  }
}
