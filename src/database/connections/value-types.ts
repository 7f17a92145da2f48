import { UnreadableValueError } from '../../common/errors/unreadable-value.error';

type Parser = (text: string) => unknown;

/** The moments that RFC 3339 can express. PostgreSQL has later ones, earlier ones, and two that are infinite. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Parsers for the text of the database, used on Latchkey's connections only. node-postgres keeps its parsers for the whole
 * process, where the host may have set others. Its own parser answers `null` for an unknown timestamp, which is the same as
 * "there is no timestamp". The parsers here refuse what they do not know.
 */
export const VALUE_TYPES = {
  getTypeParser(oid: number, format: string = 'text'): Parser {
    if (format !== 'text') return refuse('a value in binary');
    return PARSERS.get(oid) ?? asIs;
  },
};

/**
 * A timestamp with a time zone, as `DateStyle = ISO` writes it. A moment that no answer can express becomes the nearest that
 * one can.
 */
export function readTimestamp(text: string): Date {
  if (/^-?infinity$/.test(text)) return atOrNearest(text.startsWith('-') ? -Infinity : Infinity);
  const parts = TIMESTAMP.exec(text);
  if (parts === null) throw new UnreadableValueError('a timestamp');
  const [, year, month, day, hours, minutes, seconds, fraction, sign, ...zone] = parts;
  const [zoneHours, zoneMinutes, zoneSeconds, isBefore] = zone;
  const at = new Date(0);
  at.setUTCFullYear(isBefore ? 1 - Number(year) : Number(year), Number(month) - 1, Number(day));
  at.setUTCHours(Number(hours), Number(minutes), Number(seconds), Number(`${fraction ?? ''}000`.slice(0, 3)));
  const aheadMs = (numberOf(zoneHours) * 3_600 + numberOf(zoneMinutes) * 60 + numberOf(zoneSeconds)) * 1_000;
  const epochMs = at.getTime() - (sign === '-' ? -aheadMs : aheadMs);
  return atOrNearest(Number.isNaN(epochMs) ? Infinity : epochMs);
}

function numberOf(digits: string | undefined): number {
  return Number(digits ?? 0);
}

/** The moment at a number of milliseconds after the epoch, or the nearest to it that can be expressed. */
export function atOrNearest(epochMs: number): Date {
  return new Date(Math.min(Math.max(epochMs, FIRST_MS), LAST_MS));
}

const TIMESTAMP =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

function readBoolean(text: string): boolean {
  if (text === 't') return true;
  if (text === 'f') return false;
  throw new UnreadableValueError('a boolean');
}

function readInteger(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new UnreadableValueError('an integer');
  return Number(text);
}

/** As text, because it may be larger than a number holds exactly. */
function readBigint(text: string): string {
  if (!/^-?\d+$/.test(text)) throw new UnreadableValueError('an integer');
  return text;
}

function readFloat(text: string): number {
  const number = Number(text);
  if (Number.isNaN(number) && text !== 'NaN') throw new UnreadableValueError('a number');
  return number;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UnreadableValueError('a JSON value');
  }
}

/** In either form of `bytea_output`. */
function readBytes(text: string): Buffer {
  if (/^\\x(?:[0-9a-f]{2})*$/.test(text)) return Buffer.from(text.slice(2), 'hex');
  if (!/^(?:[^\\]|\\\\|\\[0-3][0-7]{2})*$/.test(text)) throw new UnreadableValueError('bytes');
  const characters = text.replace(/\\(\\|[0-7]{3})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return Buffer.from(characters, 'latin1');
}

/** An array in one dimension: `{a,"b, c",NULL}`. */
function arrayOf(read: Parser): Parser {
  return (text) => {
    if (!/^\{.*\}$/s.test(text)) throw new UnreadableValueError('an array');
    const inner = text.slice(1, -1);
    if (inner === '') return [];
    const elements = inner.match(ELEMENT) ?? [];
    if (elements.join('') !== inner) throw new UnreadableValueError('an array');
    return elements.map((element) => elementOf(element.replace(/,$/, ''), read));
  };
}

const ELEMENT = /(?:"(?:[^"\\]|\\.)*"|[^",{}\\]+)(?:,(?!$)|$)/gs;

function elementOf(element: string, read: Parser): unknown {
  if (element === 'NULL') return null;
  return read(element.startsWith('"') ? element.slice(1, -1).replace(/\\(.)/gs, '$1') : element);
}

function asIs(text: string): string {
  return text;
}

function refuse(what: string): Parser {
  return () => {
    throw new UnreadableValueError(what);
  };
}

// By the object ids of PostgreSQL's own types (pg_type.dat): first of the type, then of the array of it.
const PARSERS = new Map<number, Parser>(
  (
    [
      [16, 1000, readBoolean],
      [17, 1001, readBytes],
      [20, 1016, readBigint],
      [21, 1005, readInteger],
      [23, 1007, readInteger],
      [26, 1028, readInteger],
      [700, 1021, readFloat],
      [701, 1022, readFloat],
      [114, 199, readJson],
      [3802, 3807, readJson],
      [1184, 1185, readTimestamp],
      [25, 1009, asIs],
      [1043, 1015, asIs],
      [1700, 1231, asIs],
      [2950, 2951, asIs],
    ] as const
  ).flatMap(([oid, arrayOid, read]): [number, Parser][] => [
    [oid, read],
    [arrayOid, arrayOf(read)],
  ]),
);
