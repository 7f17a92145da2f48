import type { Checkpoint } from './checkpoint';
import { type CheckpointEvidence, sealedBy } from './checkpoint-evidence';
import type { BatchLine, EndLine } from './export-line';
import type { Fault, Removal } from './export-verifier';

const DAY_MS = 86_400_000;

/** The auditor's own knowledge, which no file can tell. */
export interface Expected {
  /** The window that was asked for, in milliseconds since the epoch. */
  readonly from?: number;
  readonly to?: number;
  /** How long events must have been kept, in days. */
  readonly retentionDays?: number;
}

export interface Report {
  /** `proved`: every event that was sealed in the window is there, as it was signed. `not proved`: see `unproved`. */
  readonly verdict: 'proved' | 'not proved' | 'wrong';
  readonly organizationId: string | null;
  /** The window that the export says it covers. */
  readonly startDate: string | null;
  readonly endDate: string | null;
  readonly firstBatch: number | null;
  readonly lastBatch: number | null;
  readonly events: number;
  readonly batches: number;
  /** The checkpoints that name a batch of the export, and agree with it. */
  readonly confirmed: number;
  /** The keys that signed the checkpoints. */
  readonly keyIds: readonly string[];
  readonly faults: readonly Fault[];
  /** How many faults there are beyond those listed. */
  readonly furtherFaults: number;
  /** Each says what the files do not prove. */
  readonly unproved: readonly string[];
  /** Each says what a reader should know, and takes nothing from the proof. */
  readonly notes: readonly string[];
}

/** An export as it was read. */
export interface ReadExport {
  readonly hashes: ReadonlyMap<number, string>;
  readonly removals: readonly Removal[];
  readonly unproved: readonly string[];
  readonly first: BatchLine | undefined;
  readonly last: BatchLine | undefined;
  readonly end: EndLine | undefined;
  readonly organizationId: string | undefined;
  readonly events: number;
}

type Conclusion = Omit<Report, 'verdict' | 'furtherFaults'>;

/** Says what an export proves, whose lines are sound each by itself. */
export function conclude(read: ReadExport, evidence: CheckpointEvidence, expected: Expected): Conclusion {
  const found = new Findings();
  found.unproved.push(...read.unproved);
  for (const message of evidence.faults) found.blame(message);
  checkEnd(found, read, expected);
  checkRemovals(found, read, evidence, expected);
  if (read.end !== undefined) checkReach(found, read, read.end, evidence);
  const confirmed = confirm(found, read, evidence);
  if (evidence.foreign > 0) found.notes.push(`${evidence.foreign} checkpoints are of another organization`);
  return { ...identityOf(read), confirmed, keyIds: evidence.keyIds, ...found };
}

function identityOf({ organizationId, first, last, end, events, hashes }: ReadExport) {
  return {
    organizationId: organizationId ?? null,
    startDate: end?.startDate ?? null,
    endDate: end?.endDate ?? null,
    firstBatch: numberOf(first),
    lastBatch: numberOf(last),
    events,
    batches: hashes.size,
  };
}

class Findings {
  readonly faults: Fault[] = [];
  readonly unproved: string[] = [];
  readonly notes: string[] = [];

  blame(message: string, line = 0): void {
    this.faults.push({ line, message });
  }
}

/** The last line must fit the lines before it, and the window that was asked for. */
function checkEnd(found: Findings, read: ReadExport, { from = Infinity, to = -Infinity }: Expected): void {
  const { end } = read;
  if (end === undefined) {
    found.unproved.push('The file was cut: its last line is not the end of an export');
    return;
  }
  checkBatches(found, read, end);
  if (end.count > read.events) found.blame(`The end says ${end.count} events, and the file has ${read.events}`);
  if (Date.parse(end.startDate) > from) found.blame(`The export begins at ${end.startDate}, later than you asked`);
  if (Date.parse(end.endDate) < to) found.blame(`The export ends at ${end.endDate}, earlier than you asked`);
}

function checkBatches(found: Findings, { first, last }: ReadExport, end: EndLine): void {
  const { firstBatch, lastBatch, chainHead } = end;
  if (firstBatch !== numberOf(first))
    found.blame(`The export began with batch ${firstBatch}, and the file does not: batches are missing`);
  if (lastBatch !== numberOf(last))
    found.blame(`The last batch must be ${lastBatch}: batches are missing before the end`);
  if (numberOf(chainHead) !== lastBatch || chainHead?.hash !== last?.hash)
    found.blame('The end names another head of the chain than the last batch');
}

function numberOf(batch: { readonly number: number } | null | undefined): number | null {
  return batch?.number ?? null;
}

/** An event may be missing only where a signed checkpoint says that retention has reached it. */
function checkRemovals(found: Findings, read: ReadExport, evidence: CheckpointEvidence, expected: Expected): void {
  for (const { line, batch } of read.removals)
    if (!evidence.allowsRemoval(batch.sealedAt))
      found.blame(
        `Batch ${batch.number} lacks ${batch.removed.length} events, and no checkpoint says that ${BY}`,
        line,
      );
  const latest = evidence.latestRemoval;
  if (latest === undefined) return;
  const { removedBefore, madeAt } = latest;
  const days = (Date.parse(madeAt) - Date.parse(removedBefore!)) / DAY_MS;
  found.notes.push(
    `Retention may have removed events that were sealed before ${removedBefore}, says the checkpoint of ${madeAt}: ${Math.floor(days)} days later`,
  );
  if (expected.retentionDays !== undefined && days < expected.retentionDays)
    found.blame(`Retention has removed events before they were ${expected.retentionDays} days old`);
}

const BY = 'retention removed them';

/** The batches must reach from before the window to behind it. */
function checkReach(found: Findings, read: ReadExport, end: EndLine, evidence: CheckpointEvidence): void {
  const { first, last } = read;
  if (first === undefined || last === undefined) {
    found.unproved.push('The file has no batch. That proves nothing, unless no checkpoint was ever made');
    if (evidence.sound.some((one) => sealedBy(one) < Date.parse(end.endDate)))
      found.blame('The file has no batch, and a checkpoint names one from before the end of the window');
    return;
  }
  checkStart(found, first, end, evidence);
  for (const checkpoint of evidence.sound) checkLater(found, last, end, checkpoint);
  const isBehind = Date.parse(last.sealedAt) >= Date.parse(end.endDate);
  if (!isBehind && !evidence.wasHeadAt(end.endDate, last))
    found.unproved.push(
      `Batch ${last.number} was sealed before the window ended, and no checkpoint says that it was the last one then`,
    );
}

/** The first batch is the first of all, or the last one from before the window, or the first that retention has left. */
function checkStart(
  found: Findings,
  { number, sealedAt }: BatchLine,
  end: EndLine,
  evidence: CheckpointEvidence,
): void {
  if (number <= 1 || Date.parse(sealedAt) < Date.parse(end.startDate)) return;
  if (evidence.allowsStart(number))
    found.notes.push(`Retention has removed the batches before ${number}, says a checkpoint`);
  else
    found.blame(
      `The file begins with batch ${number}, within the window. Batches before it are missing, and no checkpoint says that ${BY}`,
    );
}

function checkLater(found: Findings, last: BatchLine, { endDate }: EndLine, checkpoint: Checkpoint): void {
  const { number, madeAt } = checkpoint;
  if (number > last.number && sealedBy(checkpoint) < Date.parse(endDate))
    found.blame(
      `The checkpoint of ${madeAt} names batch ${number}, which the file lacks: events are missing at its end`,
    );
}

/** @returns how many checkpoints agree with the file. */
function confirm(found: Findings, { hashes, last }: ReadExport, { sound }: CheckpointEvidence): number {
  const named = sound.filter(({ number }) => hashes.has(number));
  for (const { number, hash } of named)
    if (hashes.get(number) !== hash)
      found.blame(`Batch ${number} is not the one that its checkpoint signed: the chain was rewritten, or restored`);
  const agreeing = named.filter(({ number, hash }) => hashes.get(number) === hash);
  const highest = Math.max(0, ...agreeing.map(({ number }) => number));
  if (highest === 0)
    found.unproved.push('No checkpoint names a batch of this file: the chain holds together, and may be another');
  else if (last !== undefined && highest < last.number)
    found.unproved.push(`No checkpoint covers the batches after ${highest}: they hold together, and may be others`);
  return agreeing.length;
}
