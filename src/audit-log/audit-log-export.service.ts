import { Readable } from 'node:stream';
import { Injectable, StreamableFile } from '@nestjs/common';
import { keepingContext } from '../common/async/query-context';
import { Clock } from '../common/clock/clock';
import { ValidationFailureError } from '../common/errors/common.errors';
import { logBrokenAnswer } from '../common/http/long-answer';
import { ListReads } from '../database/list-reads';
import { sqlIn, type SqlRunner } from '../database/sql-runner';
import { type AuditWindow, windowOf } from './audit-window';
import { AuditLogSealer } from './chain/audit-log.sealer';
import { rangeOf, readBatch, readEventsOf, type SealedBatch } from './chain/batch.store';
import type { ExportLine } from './chain/export-line';
import type { ExportAuditLogsQueryDto } from './dto/audit-export.dtos';
import { loggedEvent } from './logged-event';

/** How many lines are made and sent at a time. */
const PART = 200;

/** A place in an export: the number of a batch, and how many of its events were sent. */
interface Place {
  readonly number: number;
  readonly sent: number;
}

/**
 * Exports the log of an organization as JSON lines: whole batches of its chain, in order, each with its events. It reads one batch
 * at a time, after the client has taken the one before.
 */
@Injectable()
export class AuditLogExportService {
  constructor(
    private readonly reads: ListReads,
    private readonly sealer: AuditLogSealer,
    private readonly clock: Clock,
  ) {}

  /** @throws ValidationFailureError, OverloadedError, ReadTooCostlyError */
  async export(organizationId: string, query: ExportAuditLogsQueryDto): Promise<StreamableFile> {
    const window = windowOf(query, this.clock.now());
    const place = query.cursor === undefined ? undefined : placeIn(query.cursor);
    // Then the export has every event that is committed now.
    await this.sealer.seal();
    const range = await this.read(organizationId, (run) => rangeOf(run, organizationId, window));
    const lines = this.linesOf(organizationId, { window, range, place });
    const stream = Readable.from(textOf(lines), { highWaterMark: 1 });
    return new StreamableFile(stream, { type: 'application/x-ndjson; charset=utf-8' }).setErrorLogger(logBrokenAnswer);
  }

  private async *linesOf(organizationId: string, { window, range, place }: Span): AsyncGenerator<ExportLine> {
    let head: SealedBatch | undefined;
    let count = 0;
    for await (const found of this.batches(organizationId, { window, range, place })) {
      head = found.batch;
      for (const line of linesOfBatch(found, head.number === place?.number ? place.sent : 0)) {
        if (line.type === 'event') count += 1;
        yield line;
      }
    }
    yield endOf({ organizationId, window, range, head, count });
  }

  private async *batches(organizationId: string, { range, place }: Span): AsyncGenerator<FoundBatch> {
    if (range === undefined) return;
    const read = keepingContext((number: number) => this.batch(organizationId, number));
    for (let number = Math.max(range.first, place?.number ?? 0); number <= range.last; number += 1) {
      const found = await read(number);
      if (found !== undefined) yield found;
    }
  }

  private async batch(organizationId: string, number: number): Promise<FoundBatch | undefined> {
    return this.read(organizationId, async (run) => {
      const batch = await readBatch(run, organizationId, number);
      return batch && { batch, events: await readEventsOf(run, batch) };
    });
  }

  private read<T>(organizationId: string, work: (run: SqlRunner) => Promise<T>): Promise<T> {
    return this.reads.read(organizationId, (tx) => work(sqlIn(tx)));
  }
}

interface Span {
  readonly window: AuditWindow;
  readonly range: { readonly first: number; readonly last: number } | undefined;
  readonly place: Place | undefined;
}

interface FoundBatch {
  readonly batch: SealedBatch;
  readonly events: Awaited<ReturnType<typeof readEventsOf>>;
}

function* linesOfBatch({ batch, events }: FoundBatch, sent: number): Generator<ExportLine> {
  const { number, sealedAt, previousHash, eventHashes, eventIds, hash } = batch;
  const byId = new Map(events.map((row) => [row.id, row]));
  yield {
    type: 'batch',
    cursor: `${number}.${sent}`,
    organizationId: batch.organizationId,
    number,
    sealedAt: new Date(sealedAt).toISOString(),
    previousHash: previousHash.toString('hex'),
    hash: hash.toString('hex'),
    eventHashes: eventHashes.map((one) => one.toString('hex')),
    // Their month was removed after its retention time.
    removed: eventIds.flatMap((id, index) => (byId.has(id) ? [] : [index])),
  };
  for (const [index, id] of eventIds.entries()) {
    const row = byId.get(id);
    if (index < sent || row === undefined) continue;
    yield { type: 'event', cursor: `${number}.${index + 1}`, batch: number, index, event: loggedEvent(row) };
  }
}

function endOf(
  span: Omit<Span, 'place'> & { organizationId: string; head: SealedBatch | undefined; count: number },
): ExportLine {
  const { organizationId, window, range, head, count } = span;
  return {
    type: 'end',
    cursor: `${(range?.last ?? 0) + 1}.0`,
    organizationId,
    startDate: window.from.toISOString(),
    endDate: window.to.toISOString(),
    firstBatch: range?.first ?? null,
    lastBatch: range?.last ?? null,
    chainHead: head === undefined ? null : { number: head.number, hash: head.hash.toString('hex') },
    count,
  };
}

async function* textOf(lines: AsyncGenerator<ExportLine>): AsyncGenerator<Buffer> {
  let part: string[] = [];
  for await (const line of lines) {
    part.push(`${JSON.stringify(line)}\n`);
    if (part.length < PART) continue;
    yield Buffer.from(part.join(''));
    part = [];
  }
  yield Buffer.from(part.join(''));
}

function placeIn(cursor: string): Place {
  const [, number, sent] = /^([1-9]\d{0,14})\.(\d{1,4})$/.exec(cursor) ?? [];
  if (number !== undefined) return { number: Number(number), sent: Number(sent) };
  throw new ValidationFailureError([
    { code: 'invalid_string', path: ['cursor'], message: 'Not the cursor of a line of an export' },
  ]);
}
