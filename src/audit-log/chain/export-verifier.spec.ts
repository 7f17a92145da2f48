import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Checkpoint, publicKeyOf, signCheckpoint } from './checkpoint';
import { checkpointsIn } from './checkpoint-file';
import { hashOfBatch, hashOfEvent, START } from './event-chain';
import type { Expected } from './export-conclusion';
import { ExportVerifier } from './export-verifier';
import type { BatchLine, EventLine, ExportLine } from './export-line';

const ORGANIZATION = '11111111-1111-4111-8111-111111111111';
const day = (number: number) => new Date(Date.UTC(2026, 0, number)).toISOString();

const { privateKey } = generateKeyPairSync('ed25519');
const trusted = checkpointsIn(JSON.stringify({ publicKeys: [publicKeyOf(privateKey)] })).publicKeys;

/** A chain with a batch of three events on each day of January, from the first. */
function chain(days: number): { batches: BatchLine[]; lines: ExportLine[] } {
  const batches: BatchLine[] = [];
  const lines: ExportLine[] = [];
  for (let number = 1; number <= days; number += 1) {
    const events = [0, 1, 2].map((index) => ({
      id: `${number}.${index}`,
      orgId: ORGANIZATION,
      createdAt: day(number),
    }));
    const eventHashes = events.map((event) => hashOfEvent(event));
    const previousHash = batches.length === 0 ? START : Buffer.from(batches.at(-1)!.hash, 'hex');
    const sealedAt = Date.parse(day(number)) + 1_000;
    const chained = { organizationId: ORGANIZATION, number, sealedAt, previousHash, eventHashes };
    const batch: BatchLine = {
      type: 'batch',
      cursor: `${number}.0`,
      organizationId: ORGANIZATION,
      number,
      sealedAt: new Date(sealedAt).toISOString(),
      previousHash: previousHash.toString('hex'),
      hash: hashOfBatch(chained).toString('hex'),
      eventHashes: eventHashes.map((one) => one.toString('hex')),
      removed: [],
    };
    batches.push(batch);
    lines.push(batch);
    for (const [index, event] of events.entries())
      lines.push({
        type: 'event',
        cursor: `${number}.${index + 1}`,
        batch: number,
        index,
        event: event as never,
      } satisfies EventLine);
  }
  return { batches, lines };
}

const ALL = chain(20);
const numberOf = (line: ExportLine) => (line.type === 'batch' ? line.number : line.type === 'event' ? line.batch : 0);
const batchesOf = (first: number, last: number) =>
  ALL.lines.filter((line) => numberOf(line) >= first && numberOf(line) <= last);

/** The export of the days 5 to 9, as Latchkey makes it: from the batch before the window to the batch behind it. */
const WINDOW = { startDate: day(5), endDate: day(10) };
const endOf = (first: number, last: number, change: object = {}) => ({
  type: 'end' as const,
  cursor: `${last + 1}.0`,
  organizationId: ORGANIZATION,
  ...WINDOW,
  firstBatch: first,
  lastBatch: last,
  chainHead: { number: last, hash: ALL.batches[last - 1]!.hash },
  count: (last - first + 1) * 3,
  ...change,
});
const exported = (first = 4, last = 10, change: object = {}): ExportLine[] => [
  ...batchesOf(first, last),
  endOf(first, last, change),
];

function checkpoint(number: number, change: Partial<Checkpoint> = {}, key: KeyObject = privateKey): Checkpoint {
  const { hash, sealedAt } = ALL.batches[number - 1]!;
  const madeAt = new Date(Date.parse(sealedAt) + 30_000).toISOString();
  const whole = { organizationId: ORGANIZATION, number, hash, madeAt, sealedAt, firstKept: 1, removedBefore: null };
  return signCheckpoint(key, { ...whole, ...change });
}
const SIGNED = [2, 7, 10, 15].map((number) => checkpoint(number));

function verified(lines: readonly unknown[], checkpoints: readonly Checkpoint[] = SIGNED, expected: Expected = {}) {
  const verifier = new ExportVerifier();
  for (const line of lines) verifier.take(typeof line === 'string' ? line : JSON.stringify(line));
  return verifier.report(checkpoints, trusted, expected);
}
const told = ({ faults }: ReturnType<typeof verified>) => faults.map(({ message }) => message).join('\n');

describe('an export with its checkpoints', () => {
  it('is proved: every event that was sealed in the window is there', () => {
    expect(verified(exported())).toMatchObject({
      verdict: 'proved',
      organizationId: ORGANIZATION,
      ...WINDOW,
      firstBatch: 4,
      lastBatch: 10,
      events: 21,
      batches: 7,
      confirmed: 2,
      faults: [],
      unproved: [],
    });
  });

  it.each<[string, () => readonly unknown[], RegExp]>([
    ['its first batches are dropped', () => [...batchesOf(6, 10), endOf(4, 10)], /began with batch 4/],
    ['they are dropped, and the end agrees', () => exported(6, 10), /begins with batch 6, within the window/],
    ['its last batches are dropped', () => [...batchesOf(4, 8), endOf(4, 10)], /last batch must be 10/],
    ['they are dropped, and the end agrees', () => exported(4, 6), /names batch 7, which the file lacks/],
    [
      'every batch is dropped',
      () => [endOf(4, 10, { firstBatch: null, lastBatch: null, chainHead: null, count: 0 })],
      /no batch/,
    ],
    [
      'all events of a batch are said to be removed',
      () =>
        exported().flatMap((line) => {
          if (numberOf(line) !== 8) return [line];
          return line.type === 'batch' ? [{ ...line, removed: [0, 1, 2] }] : [];
        }),
      /Batch 8 lacks 3 events, and no checkpoint says/,
    ],
    [
      'a batch says that its events are in an earlier file',
      () =>
        exported().flatMap((line) => {
          if (numberOf(line) !== 8) return [line];
          return line.type === 'batch' ? [{ ...line, cursor: '8.3' }] : [];
        }),
      /lacks its first 3 events/,
    ],
    [
      'an event stands there twice under one name',
      () => exported().map((line) => JSON.stringify(line).replace(/"id":"8\.1"/, '"id":"9.9","id":"8.1"')),
      /has a name twice/,
    ],
    ['an event has the cursor of another', () => exported().map((line) => ({ ...line, cursor: '4.0' })), /cursor/],
    [
      'it holds less than its end says',
      () => exported(4, 10, { count: 22 }),
      /The end says 22 events, and the file has 21/,
    ],
  ])('is wrong when %s', (_, tampered, message) => {
    const report = verified(tampered());
    expect(report.verdict).toBe('wrong');
    expect(told(report)).toMatch(message);
  });

  it('is wrong when it covers less than the auditor asked for', () => {
    const asked = { from: Date.parse(day(3)), to: Date.parse(day(12)) };
    expect(told(verified(exported(), SIGNED, asked))).toMatch(/later than you asked[^]*earlier than you asked/);
    expect(verified(exported(), SIGNED, { from: Date.parse(day(5)), to: Date.parse(day(10)) }).verdict).toBe('proved');
  });

  it('is wrong by the checkpoint of another chain, another key, or another text', () => {
    expect(told(verified(exported(), [checkpoint(7, { hash: 'a'.repeat(64) })]))).toMatch(/rewritten/);
    expect(told(verified(exported(), [checkpoint(7, {}, generateKeyPairSync('ed25519').privateKey)]))).toMatch(
      /signed/,
    );
    expect(told(verified(exported(), [{ ...checkpoint(7), removedBefore: day(9) }]))).toMatch(/not signed/);
    expect(told(verified(exported(), [{ ...checkpoint(7), madeAt: day(9) }]))).toMatch(/not signed/);
  });

  it('says how many faults there are beyond those it lists', () => {
    const { faults, furtherFaults } = verified([...Array.from({ length: 250 }, () => 'x'), ...exported()]);
    expect(faults).toHaveLength(100);
    expect(furtherFaults).toBe(150);
  });

  it('counts empty lines, so that a fault has the line of the file', () => {
    expect(verified(['', '', 'x', ...exported()]).faults[0]).toMatchObject({ line: 3 });
  });
});

describe('what is not proved', () => {
  it.each<[string, () => ReturnType<typeof verified>, RegExp]>([
    ['without checkpoints', () => verified(exported(), []), /No checkpoint names a batch/],
    ['behind the last checkpoint', () => verified(exported(), [checkpoint(7)]), /covers the batches after 7/],
    ['in a file that was cut', () => verified(exported().slice(0, -1)), /was cut/],
    [
      'about a part of a batch that is in an earlier file',
      () => {
        const [batch, , ...rest] = exported(4, 10, { count: 20 });
        return verified([{ ...batch, cursor: '4.1' }, ...rest]);
      },
      /first 1 events of batch 4/,
    ],
    [
      'behind the last batch',
      () => verified(exported(4, 9), [checkpoint(9)]),
      /no checkpoint says that it was the last/,
    ],
  ])('is said, and is no success: %s', (_, report, message) => {
    expect(report()).toMatchObject({ verdict: 'not proved', faults: [] });
    expect(report().unproved.join()).toMatch(message);
  });

  it('ends where a checkpoint says that the last batch was still the last one when the window ended', () => {
    expect(verified(exported(4, 9), [checkpoint(9, { madeAt: day(10) })]).verdict).toBe('proved');
  });
});

describe('what retention removed', () => {
  const removed = day(8);
  const without = exported(4, 10, { count: 12 }).flatMap((line) => {
    if (line.type === 'end' || numberOf(line) > 6) return [line];
    return line.type === 'batch' ? [{ ...line, removed: [0, 1, 2] }] : [];
  });

  it('is no fault where a signed checkpoint says so, and is noted', () => {
    const report = verified(without, [...SIGNED, checkpoint(15, { removedBefore: removed })]);
    expect(report).toMatchObject({ verdict: 'proved', faults: [] });
    expect(report.notes.join()).toContain(`sealed before ${removed}`);
  });

  it('is a fault where retention had not come that far', () => {
    expect(told(verified(without, [...SIGNED, checkpoint(15, { removedBefore: day(6) })]))).toMatch(/^Batch 6 lacks/);
  });

  it('is a fault where it is younger than the auditor demands', () => {
    const signed = [...SIGNED, checkpoint(15, { removedBefore: removed })];
    expect(verified(without, signed, { retentionDays: 7 }).verdict).toBe('proved');
    expect(told(verified(without, signed, { retentionDays: 8 }))).toMatch(/before they were 8 days old/);
  });

  it('may be whole batches, from the first one to the one that a checkpoint names', () => {
    const rest = exported(6, 10);
    expect(verified(rest, [...SIGNED, checkpoint(15, { firstKept: 6, removedBefore: removed })]).verdict).toBe(
      'proved',
    );
    expect(verified(rest, [...SIGNED, checkpoint(15, { firstKept: 5, removedBefore: removed })]).verdict).toBe('wrong');
  });
});

describe('a file of checkpoints', () => {
  it.each<[unknown, RegExp]>([
    [[], /an object/],
    [{ checkpoints: {} }, /must be lists/],
    [{ checkpoints: [null] }, /checkpoint 0 is not an object/],
    [{ checkpoints: [{ ...SIGNED[0], number: -1 }] }, /"number" of checkpoint 0/],
    [{ checkpoints: [{ ...SIGNED[0], firstKept: undefined }] }, /needs all of/],
    [{ publicKeys: [{ publicKey: 'x' }] }, /public key 0 is not an Ed25519 key/],
    [{ publicKeys: [null] }, /public key 0/],
  ])('that is malformed is refused in a sentence: %j', (file, message) => {
    expect(() => checkpointsIn(JSON.stringify(file))).toThrow(message);
  });

  it('of the first version still proves the chain', () => {
    const { organizationId, number, hash, madeAt } = checkpoint(10);
    const first = signCheckpoint(privateKey, { organizationId, number, hash, madeAt });
    expect(verified(exported(), [first])).toMatchObject({ verdict: 'proved', confirmed: 1 });
  });
});
