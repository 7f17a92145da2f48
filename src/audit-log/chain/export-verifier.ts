import type { Checkpoint } from './checkpoint';
import { CheckpointEvidence, type PublicKeys } from './checkpoint-evidence';
import { hashOfBatch, hashOfEvent, START } from './event-chain';
import { conclude, type Expected, type Report } from './export-conclusion';
import type { BatchLine, EndLine, EventLine } from './export-line';
import { parseExportLine } from './export-line.parser';

/** Something that must not be in an export. */
export interface Fault {
  /** Counted from 1; 0 for the file as a whole. */
  readonly line: number;
  readonly message: string;
}

/** Events that the export lacks because, it says, retention removed them. */
export interface Removal {
  readonly line: number;
  readonly batch: BatchLine;
}

/** More are only counted: one changed batch may make every later line wrong. */
const MAX_FAULTS = 100;
/** More places in one message would hide the rest. */
const MAX_PLACES = 20;

/**
 * Checks an export line by line: that each event is the one that was sealed, that no event is missing, inserted or out of order,
 * and that the batches form one chain. Then it says what that proves, and with checkpoints whether this chain is the one that was
 * signed. Files of one export that was continued may be given one after another.
 */
export class ExportVerifier {
  readonly hashes = new Map<number, string>();
  readonly removals: Removal[] = [];
  /** Each says what the file by itself cannot prove. */
  readonly unproved: string[] = [];
  first: BatchLine | undefined;
  last: BatchLine | undefined;
  end: EndLine | undefined;
  organizationId: string | undefined;
  events = 0;
  private readonly faults: Fault[] = [];
  private furtherFaults = 0;
  private batch: OpenBatch | undefined;
  private line = 0;

  /** Takes the next line of the file. An empty one counts, and says nothing. */
  take(text: string): void {
    this.line += 1;
    if (text === '') return;
    const line = parseExportLine(text);
    if (typeof line === 'string') return this.blame(line);
    if (line.type === 'batch') this.begin(line);
    else if (line.type === 'event') this.add(line);
    else this.close(line);
  }

  /** Says what was found, when all lines were taken. */
  report(checkpoints: readonly Checkpoint[] = [], keys: PublicKeys = new Map(), expected: Expected = {}): Report {
    this.finishBatch(this.end !== undefined);
    const evidence = new CheckpointEvidence(checkpoints, keys, this.organizationId);
    const conclusion = conclude(this, evidence, expected);
    for (const { line, message } of conclusion.faults) this.blame(message, line);
    return { ...conclusion, faults: this.faults, furtherFaults: this.furtherFaults, ...this.verdict(conclusion) };
  }

  private verdict({ unproved }: { unproved: readonly string[] }): Pick<Report, 'verdict'> {
    if (this.faults.length > 0) return { verdict: 'wrong' };
    return { verdict: unproved.length > 0 ? 'not proved' : 'proved' };
  }

  private begin(line: BatchLine): void {
    this.requireCursor(line.cursor, line.number);
    // An export that continues within a batch begins with that batch again.
    const isContinued = this.batch?.line.number === line.number && this.batch.line.hash === line.hash;
    if (isContinued) return;
    this.finishBatch(true);
    this.requireOwn(line.organizationId);
    if (hashOfLine(line) !== line.hash) this.blame(`Batch ${line.number} was changed: its hash does not fit`);
    if (this.last === undefined) this.checkFirst(line);
    else this.checkNext(line, this.last);
    this.first ??= line;
    this.batch = { line, at: this.line, seen: new Set(), next: 0, start: startOf(line), isFirst: this.first === line };
    this.hashes.set(line.number, line.hash);
  }

  private checkFirst({ number, previousHash }: BatchLine): void {
    if (number === 0) this.blame('Batches are counted from 1');
    if (number === 1 && previousHash !== START.toString('hex'))
      this.blame('The first batch of a chain must have no batch before it');
  }

  private checkNext({ number, previousHash, sealedAt }: BatchLine, before: BatchLine): void {
    if (number !== before.number + 1)
      return this.blame(`Batch ${number} follows batch ${before.number}: batches are missing or out of order`);
    if (previousHash !== before.hash) this.blame(`Batch ${number} does not follow the batch before it`);
    if (Date.parse(sealedAt) < Date.parse(before.sealedAt))
      this.blame(`Batch ${number} was sealed before the batch before it`);
  }

  private add({ batch: number, index, event, cursor }: EventLine): void {
    this.requireCursor(cursor, number, index + 1);
    const open = this.batch;
    if (open?.line.number !== number) return this.blame(`An event of batch ${number} stands outside of that batch`);
    this.requireOwn(event.orgId);
    if (open.seen.has(index)) return this.blame(`Event ${index} of batch ${number} is there twice`);
    if (index < open.next) this.blame(`Event ${index} of batch ${number} is out of order`);
    open.seen.add(index);
    open.next = index + 1;
    this.events += 1;
    const sealed = open.line.eventHashes[index];
    if (sealed === undefined) this.blame(`Batch ${number} has no event ${index}: the event was inserted`);
    else if (hashOf(event) !== sealed) this.blame(`Event ${index} of batch ${number} is not the one that was sealed`);
  }

  private requireOwn(organizationId: string): void {
    this.organizationId ??= organizationId;
    if (organizationId !== this.organizationId) this.blame('This line is of another organization');
  }

  private requireCursor(cursor: string, number: number, sent?: number): void {
    const [ofBatch, place] = cursor.split('.').map(Number);
    if (ofBatch !== number || (sent !== undefined && place !== sent)) this.blame('The cursor is that of another line');
  }

  private close(line: EndLine): void {
    this.finishBatch(true);
    this.end = line;
    this.requireOwn(line.organizationId);
  }

  /** @param isWhole whether lines follow, so that each event of the batch must have been there. */
  private finishBatch(isWhole: boolean): void {
    const open = this.batch;
    this.batch = undefined;
    if (open === undefined) return;
    this.last = open.line;
    this.checkRemoved(open);
    this.checkStart(open);
    const removed = new Set(open.line.removed);
    const missing = open.line.eventHashes.flatMap((_, index) =>
      open.seen.has(index) || removed.has(index) || index < open.start ? [] : [index],
    );
    if (isWhole && missing.length > 0)
      this.blame(`Batch ${open.line.number} lacks the events ${shortened(missing)}`, open.at);
  }

  private checkRemoved({ line, at, seen }: OpenBatch): void {
    if (line.removed.length === 0) return;
    this.removals.push({ line: at, batch: line });
    const wrong = line.removed.filter((index) => seen.has(index) || index >= line.eventHashes.length);
    if (wrong.length > 0) this.blame(`Batch ${line.number} says that it lacks the events ${shortened(wrong)}`, at);
  }

  private checkStart({ line, at, start, isFirst }: OpenBatch): void {
    if (start === 0) return;
    if (isFirst) this.unproved.push(`The first ${start} events of batch ${line.number} are not in this file`);
    else this.blame(`Batch ${line.number} lacks its first ${start} events`, at);
  }

  private blame(message: string, line = this.line): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push({ line, message });
    else this.furtherFaults += 1;
  }
}

interface OpenBatch {
  readonly line: BatchLine;
  readonly at: number;
  readonly seen: Set<number>;
  /** The place that the next event has at least. */
  next: number;
  /** How many events of the batch were sent before this line. */
  readonly start: number;
  readonly isFirst: boolean;
}

function hashOfLine({ organizationId, number, sealedAt, previousHash, eventHashes }: BatchLine): string {
  return hashOfBatch({
    organizationId,
    number,
    sealedAt: Date.parse(sealedAt),
    previousHash: Buffer.from(previousHash, 'hex'),
    eventHashes: eventHashes.map((one) => Buffer.from(one, 'hex')),
  }).toString('hex');
}

function startOf({ cursor }: BatchLine): number {
  return Number(cursor.split('.')[1]);
}

function hashOf(event: object): string {
  return hashOfEvent(event).toString('hex');
}

function shortened(places: readonly number[]): string {
  const further = places.length - MAX_PLACES;
  return places.slice(0, MAX_PLACES).join(', ') + (further > 0 ? ` and ${further} more` : '');
}
