import { api } from './client';

let offsetMs = 0;

/** Learns how far the clock of this machine is from the server's. */
export async function setClock(): Promise<void> {
  const before = Date.now();
  const { data } = await api.GET('/api/status').catch(() => ({ data: undefined }));
  if (data !== undefined) offsetMs = new Date(data.date).getTime() - (before + Date.now()) / 2;
}

/** The time of the server. */
export function now(): number {
  return Date.now() + offsetMs;
}

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** "4 minutes ago", "in 5 days". */
export function fromNow(time: string): string {
  const seconds = (new Date(time).getTime() - now()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

/** With the zone, as the reader's settings have it. */
export function exactly(time: string): string {
  return new Intl.DateTimeFormat('en-GB', { ...EXACT, timeZone: readUtc() ? 'UTC' : undefined }).format(new Date(time));
}

const EXACT: Intl.DateTimeFormatOptions = {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
};

/** For a row of a log: to the second, without the year. */
export function briefly(time: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZone: readUtc() ? 'UTC' : undefined,
  }).format(new Date(time));
}

function readUtc(): boolean {
  return document.documentElement.dataset.zone === 'utc';
}

/** "1 day", "90 minutes". */
export function lasting(seconds: number): string {
  const [unit, size] =
    UNITS.slice(2).find(([, length]) => seconds >= length && seconds % length === 0) ?? (['second', 1] as const);
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size);
}
