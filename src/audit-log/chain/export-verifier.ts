import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Checkpoint, type CheckpointKey, isSignedBy, keyIdOf } from './checkpoint';
import { hashOfBatch, hashOfEvent, START } from './event-chain';
import type { BatchLine, EndLine, EventLine, ExportLine } from './export-line';

/** Something that must not be in an export. */
export interface Fault {
  /** Counted from 1; 0 for the file as a whole. */
  readonly line: number;
  readonly message: string;
}

export interface Report {
  readonly faults: readonly Fault[];
  /** Each says what the export alone cannot prove. */
  readonly remarks: readonly string[];
  readonly events: number;
  readonly batches: number;
  /** The checkpoints that name a batch of the export, and agree with it. */
  readonly confirmed: number;
}

/** More are not listed: one changed batch may make every later line wrong. */
const MAX_FAULTS = 100;

/**
 * Checks an export line by line: that each event is the one that was sealed, that no event is missing, inserted or out of order,
 * and that the batches form one chain. With checkpoints, also that this chain is the one that was signed. Files of one export that
 * was continued may be given one after another.
 */
export class ExportVerifier {
  private readonly faults: Fault[] = [];
  private readonly remarks: string[] = [];
  private readonly hashes = new Map<number, string>();
  private batch: OpenBatch | undefined;
  private previous: BatchLine | undefined;
  private end: EndLine | undefined;
  private organizationId: string | undefined;
  private line = 0;
  private events = 0;

  /** Takes the next line of the file. */
  take(text: string): void {
    this.line += 1;
    const line = parsed(text);
    if (line === undefined) return this.blame('This is not a line of an export');
    if (line.type === 'batch') this.begin(line);
    else if (line.type === 'event') this.add(line);
    else this.close(line);
  }

  /** Says what was found, when all lines were taken. */
  report(checkpoints: readonly Checkpoint[] = [], keys: readonly CheckpointKey[] = []): Report {
    this.line = 0;
    this.finishBatch(this.end !== undefined);
    if (this.end === undefined) this.remarks.push('The file was cut: its last line is not the end of an export');
    this.checkEnd();
    const confirmed = this.confirm(checkpoints, keys);
    if (confirmed === 0)
      this.remarks.push('No checkpoint names a batch of this file: the chain holds together, and may be another');
    return {
      faults: this.faults.slice(0, MAX_FAULTS),
      remarks: this.remarks,
      events: this.events,
      batches: this.hashes.size,
      confirmed,
    };
  }

  private begin(line: BatchLine): void {
    // An export that continues within a batch begins with that batch again.
    const isContinued = this.batch?.line.number === line.number && this.batch.line.hash === line.hash;
    if (isContinued) return;
    this.finishBatch(true);
    this.requireOwn(line.organizationId);
    if (hashOfLine(line) !== line.hash) this.blame(`Batch ${line.number} was changed: its hash does not fit`);
    if (this.previous === undefined) this.checkFirst(line);
    else this.checkNext(line, this.previous);
    this.batch = { line, at: this.line, seen: new Set(), start: startOf(line), isFirst: this.previous === undefined };
    this.hashes.set(line.number, line.hash);
  }

  private checkFirst({ number, previousHash }: BatchLine): void {
    if (number > 1) this.remarks.push(`The file begins with batch ${number}: what is before is not checked`);
    else if (previousHash !== START.toString('hex'))
      this.blame('The first batch of a chain must have no batch before it');
  }

  private checkNext({ number, previousHash }: BatchLine, before: BatchLine): void {
    if (number !== before.number + 1)
      this.blame(`Batch ${number} follows batch ${before.number}: batches are missing or out of order`);
    else if (previousHash !== before.hash) this.blame(`Batch ${number} does not follow the batch before it`);
  }

  private add({ batch: number, index, event }: EventLine): void {
    const open = this.batch;
    if (open?.line.number !== number) return this.blame(`An event of batch ${number} stands outside of that batch`);
    this.requireOwn(event.orgId);
    if (open.seen.has(index)) return this.blame(`Event ${index} of batch ${number} is there twice`);
    if (index < Math.max(...open.seen, -1)) this.blame(`Event ${index} of batch ${number} is out of order`);
    open.seen.add(index);
    this.events += 1;
    const sealed = open.line.eventHashes[index];
    if (sealed === undefined) this.blame(`Batch ${number} has no event ${index}: the event was inserted`);
    else if (hashOf(event) !== sealed) this.blame(`Event ${index} of batch ${number} is not the one that was sealed`);
  }

  private requireOwn(organizationId: string): void {
    this.organizationId ??= organizationId;
    if (organizationId !== this.organizationId) this.blame('This line is of another organization');
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
    const { line, seen, start } = open;
    const removed = new Set(line.removed);
    const missing = line.eventHashes.flatMap((_, index) =>
      seen.has(index) || removed.has(index) || index < start ? [] : [index],
    );
    if (isWhole && missing.length > 0)
      this.blame(`Batch ${line.number} lacks the events ${missing.join(', ')}`, open.at);
    if (start > 0 && open.isFirst)
      this.remarks.push(`The first ${start} events of batch ${line.number} are in an earlier file`);
    else if (start > 0) this.blame(`Batch ${line.number} lacks its first ${start} events`, open.at);
    if (removed.size > 0)
      this.remarks.push(
        `${removed.size} events of batch ${line.number} were removed, it says, after their retention time`,
      );
    this.previous = line;
  }

  private checkEnd(): void {
    const { end, previous } = this;
    if (end === undefined) return;
    if (end.chainHead !== null && end.chainHead.hash !== this.hashes.get(end.chainHead.number))
      this.blame('The end names another head of the chain than the last batch');
    if (end.lastBatch !== null && previous?.number !== end.lastBatch)
      this.blame(`The last batch must be ${end.lastBatch}: batches are missing before the end`);
  }

  private confirm(checkpoints: readonly Checkpoint[], keys: readonly CheckpointKey[]): number {
    const known = keysById(keys);
    let confirmed = 0;
    for (const checkpoint of checkpoints.filter(({ organizationId }) => organizationId === this.organizationId)) {
      const key = known.get(checkpoint.keyId);
      const { number } = checkpoint;
      if (key === undefined || !isSignedBy(key, checkpoint))
        this.blame(`The checkpoint of batch ${number} is not signed by a key that was given`);
      else if (!this.hashes.has(number)) this.checkReach(checkpoint);
      else if (this.hashes.get(number) === checkpoint.hash) confirmed += 1;
      else this.blame(`Batch ${number} is not the one that its checkpoint signed: the chain was rewritten`);
    }
    return confirmed;
  }

  /** A checkpoint beyond the file is a proof of missing events where the export claims to reach beyond its time. */
  private checkReach({ number, madeAt }: Checkpoint): void {
    const { end } = this;
    const isClaimed = end !== undefined && madeAt < end.endDate && madeAt >= end.startDate;
    if (isClaimed && number > (end.lastBatch ?? 0))
      this.blame(
        `The checkpoint of ${madeAt} names batch ${number}, which the file lacks: events are missing at its end`,
      );
  }

  private blame(message: string, line = this.line): void {
    this.faults.push({ line, message });
  }
}

interface OpenBatch {
  readonly line: BatchLine;
  readonly at: number;
  readonly seen: Set<number>;
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

function keysById(keys: readonly CheckpointKey[]): ReadonlyMap<string, KeyObject> {
  const parsedKeys = keys.map(({ publicKey }) => createPublicKey(publicKey));
  return new Map(parsedKeys.map((key) => [keyIdOf(key), key]));
}

const HASH = /^[0-9a-f]{64}$/;
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isHash = (value: unknown) => typeof value === 'string' && HASH.test(value);
const isText = (value: unknown) => typeof value === 'string';
const isTime = (value: unknown) => typeof value === 'string' && Date.parse(value) >= 0;
const listOf = (holds: (value: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(holds);
const isEvent = (value: unknown) =>
  typeof value === 'object' && value !== null && isText((value as { orgId?: unknown }).orgId);
const orNull = (holds: (value: unknown) => boolean) => (value: unknown) => value === null || holds(value);
const isHead = (value: unknown) =>
  typeof value === 'object' && value !== null && isHash((value as { hash?: unknown }).hash);

/** A test of each field of a line. A file may hold anything. */
const FORMS: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  batch: {
    organizationId: isText,
    number: isCount,
    sealedAt: isTime,
    previousHash: isHash,
    hash: isHash,
    eventHashes: listOf(isHash),
    removed: listOf(isCount),
  },
  event: { batch: isCount, index: isCount, event: isEvent },
  end: {
    organizationId: isText,
    startDate: isTime,
    endDate: isTime,
    lastBatch: orNull(isCount),
    chainHead: orNull(isHead),
  },
};

/** The line, if it has the form of one. */
function parsed(text: string): ExportLine | undefined {
  const line = jsonIn(text);
  if (typeof line !== 'object' || line === null) return undefined;
  const fields = line as Record<string, unknown>;
  const form = Object.entries(FORMS).find(([type]) => type === fields.type)?.[1];
  const hasCursor = typeof fields.cursor === 'string' && /^\d+\.\d+$/.test(fields.cursor);
  const isLine = form !== undefined && hasCursor && Object.entries(form).every(([name, holds]) => holds(fields[name]));
  return isLine ? (fields as unknown as ExportLine) : undefined;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
