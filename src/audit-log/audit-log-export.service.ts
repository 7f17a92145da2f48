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
import { type BatchRange, type FoundBatch, rangeOf, readBatches } from './chain/batch-reads.store';
import type { SealedBatch } from './chain/batch.store';
import { CheckpointsService } from './chain/checkpoints.service';
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
 * Exports the log of an organization as JSON lines: whole batches of its chain, in order, each with its events. It reads a few batches
 * at a time, after the client has taken those before.
 */
@Injectable()
export class AuditLogExportService {
  constructor(
    private readonly reads: ListReads,
    private readonly sealer: AuditLogSealer,
    private readonly checkpoints: CheckpointsService,
    private readonly clock: Clock,
  ) {}

  /** @throws ValidationFailureError, OverloadedError, ReadTooCostlyError */
  async export(organizationId: string, query: ExportAuditLogsQueryDto): Promise<StreamableFile> {
    const asked = windowOf(query, this.clock.now());
    const place = query.cursor === undefined ? undefined : placeIn(query.cursor);
    // Then the export has every event that is committed now. It cannot speak of a later time.
    const sealedAt = await this.sealer.seal();
    const window = { from: asked.from, to: new Date(Math.min(asked.to.getTime(), sealedAt)) };
    // Where the window reaches the head of the chain, only a signature from after its end proves that nothing follows.
    await this.checkpoints.make(organizationId);
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
    head ??= await this.lastOf(organizationId, range);
    yield endOf({ organizationId, window, range, head, count });
  }

  /** An export that continues behind the last batch names it too. */
  private async lastOf(organizationId: string, range: BatchRange | undefined): Promise<SealedBatch | undefined> {
    if (range === undefined) return undefined;
    const [found] = await this.readNext(organizationId, { first: range.last, last: range.last });
    return found?.batch;
  }

  private async *batches(organizationId: string, { range, place }: Span): AsyncGenerator<FoundBatch> {
    if (range === undefined) return;
    const read = keepingContext((next: BatchRange) => this.readNext(organizationId, next));
    let first = Math.max(range.first, place?.number ?? 0);
    while (first <= range.last) {
      const found = await read({ first, last: range.last });
      // Retention has come this far meanwhile. An answer that breaks off can be asked for again.
      if (found[0]?.batch.number !== first) throw new Error(`Batch ${first} was removed during the export`);
      yield* found;
      first += found.length;
    }
  }

  private readNext(organizationId: string, next: BatchRange): Promise<FoundBatch[]> {
    return this.read(organizationId, (run) => readBatches(run, organizationId, next));
  }

  private read<T>(organizationId: string, work: (run: SqlRunner) => Promise<T>): Promise<T> {
    return this.reads.read(organizationId, (tx) => work(sqlIn(tx)));
  }
}

interface Span {
  readonly window: AuditWindow;
  readonly range: BatchRange | undefined;
  readonly place: Place | undefined;
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
