import type { LoggedEvent } from '../logged-event';

/** A batch of the chain, before its events. Hashes are in hexadecimal digits. */
export interface BatchLine {
  readonly type: 'batch';
  readonly cursor: string;
  readonly organizationId: string;
  readonly number: number;
  readonly sealedAt: string;
  readonly previousHash: string;
  readonly hash: string;
  readonly eventHashes: readonly string[];
  /** The places of events that were removed after their retention time. */
  readonly removed: readonly number[];
}

export interface EventLine {
  readonly type: 'event';
  readonly cursor: string;
  readonly batch: number;
  /** The place in the batch, from 0. */
  readonly index: number;
  readonly event: LoggedEvent;
}

/** The last line. A file without it was cut. */
export interface EndLine {
  readonly type: 'end';
  readonly cursor: string;
  readonly organizationId: string;
  readonly startDate: string;
  readonly endDate: string;
  /** The batches that have every event of the time asked about; null for none. */
  readonly firstBatch: number | null;
  readonly lastBatch: number | null;
  readonly chainHead: { readonly number: number; readonly hash: string } | null;
  /** How many events this answer had. */
  readonly count: number;
}

/** A line of an export (decision 39). Each has the `cursor` by which an export continues after it. */
export type ExportLine = BatchLine | EventLine | EndLine;
