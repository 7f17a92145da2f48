import type { ExportLine } from './export-line';

/**
 * Reads a line of an export. A file may hold anything, so each field is tested. The spelling must be the one that Latchkey writes:
 * another program could read a line that has a name twice in another way.
 *
 * @returns the line; or what is wrong with it.
 */
export function parseExportLine(text: string): ExportLine | string {
  const line = jsonIn(text);
  if (!isObject(line)) return 'This is not a line of an export';
  if (JSON.stringify(line) !== text) return 'This line is not spelled as Latchkey writes it, or has a name twice';
  const fault = faultIn(line);
  return fault === undefined ? (line as unknown as ExportLine) : `This is not a line of an export: ${fault}`;
}

/** A time as Latchkey writes it: UTC, with milliseconds. */
export function isTime(value: unknown): boolean {
  return typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value));
}

/** A SHA-256 in hexadecimal digits. */
export function isHash(value: unknown): boolean {
  return typeof value === 'string' && HASH.test(value);
}

export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const HASH = /^[0-9a-f]{64}$/;
const CURSOR = /^\d{1,16}\.\d{1,16}$/;

type Test = (value: unknown) => boolean;
const isText: Test = (value) => typeof value === 'string';
const isPlace: Test = (value) => typeof value === 'string' && CURSOR.test(value);
const listOf =
  (holds: Test): Test =>
  (value) =>
    Array.isArray(value) && value.every(holds);
const orNull =
  (holds: Test): Test =>
  (value) =>
    value === null || holds(value);
const isEvent: Test = (value) => isObject(value) && isText(value.orgId);
const isHead: Test = (value) => isObject(value) && isCount(value.number) && isHash(value.hash);

/** A test of each field of a line. */
const FORMS: Readonly<Record<string, Readonly<Record<string, Test>>>> = {
  batch: {
    cursor: isPlace,
    organizationId: isText,
    number: isCount,
    sealedAt: isTime,
    previousHash: isHash,
    hash: isHash,
    eventHashes: listOf(isHash),
    removed: listOf(isCount),
  },
  event: { cursor: isPlace, batch: isCount, index: isCount, event: isEvent },
  end: {
    cursor: isPlace,
    organizationId: isText,
    startDate: isTime,
    endDate: isTime,
    firstBatch: orNull(isCount),
    lastBatch: orNull(isCount),
    chainHead: orNull(isHead),
    count: isCount,
  },
};

function faultIn(line: Readonly<Record<string, unknown>>): string | undefined {
  const form = Object.entries(FORMS).find(([type]) => type === line.type)?.[1];
  if (form === undefined) return '"type" must be "batch", "event" or "end"';
  const wrong = Object.entries(form).find(([name, holds]) => !holds(line[name]));
  return wrong && `"${wrong[0]}" is missing or is no such value`;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
