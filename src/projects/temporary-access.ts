import { MAX_SECONDS } from '../common/dto/limits';
import { BadRequestError } from '../common/errors/latchkey.error';
import { isTime } from '../common/dto/rules';

/** The time for which something is granted. */
export interface TemporaryTime {
  readonly range: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
}

/** A time as clients send it. Values beside `isTemporary: false` mean nothing: Terraform sends empty ones. */
export interface TimeInput {
  readonly isTemporary?: boolean;
  readonly temporaryMode?: string | null;
  readonly temporaryRange?: string | null;
  readonly temporaryAccessStartTime?: string | null;
}

/** A temporary grant does not say from when, or for how long. 400. */
export class TemporaryAccessError extends BadRequestError {
  constructor() {
    super(
      'temporary_access_invalid',
      'A temporary grant needs temporaryMode "relative", a temporaryRange such as 30m, 12h or 7d of at most ten years, and a temporaryAccessStartTime such as 2026-11-01T00:00:00Z.',
    );
  }
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, y: 31_536_000 };

/** Null for a permanent grant. @throws TemporaryAccessError */
export function timeOf(input: TimeInput): TemporaryTime | null {
  if (input.isTemporary !== true) return null;
  const { temporaryMode, temporaryRange: range, temporaryAccessStartTime: start } = input;
  const seconds = secondsIn(range);
  if (temporaryMode !== 'relative' || !isTime.holds(start) || !range || seconds === undefined) {
    throw new TemporaryAccessError();
  }
  const startsAt = new Date(start!);
  return { range, startsAt, endsAt: new Date(startsAt.getTime() + seconds * 1_000) };
}

function secondsIn(range: string | null | undefined): number | undefined {
  const [, count = '', unit = ''] = /^(\d{1,9}) ?([smhdwy])$/.exec(range ?? '') ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? 0);
  return seconds > 0 && seconds <= MAX_SECONDS ? seconds : undefined;
}

/** The fields of a grant's time, as answers have them. */
export interface TimeFields {
  readonly isTemporary: boolean;
  readonly temporaryMode: 'relative' | null;
  readonly temporaryRange: string | null;
  readonly temporaryAccessStartTime: string | null;
  readonly temporaryAccessEndTime: string | null;
}

export function timeFieldsOf(range: string | null, startsMs: number | null, endsMs: number | null): TimeFields {
  return {
    isTemporary: range !== null,
    temporaryMode: range === null ? null : 'relative',
    temporaryRange: range,
    temporaryAccessStartTime: startsMs === null ? null : new Date(startsMs).toISOString(),
    temporaryAccessEndTime: endsMs === null ? null : new Date(endsMs).toISOString(),
  };
}
