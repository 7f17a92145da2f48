import { IS_ALONE } from './address';

/**
 * The access token that a person has signed in with. It lives in this module. Where the origin is Latchkey's alone, the
 * `sessionStorage` of the tab holds it too, so that a reload keeps it. It is in no address, no cookie and no `localStorage`.
 */
export interface Session {
  readonly token: string;
  /** As the server has named it: a short key tells nothing of itself. */
  readonly identityId: string;
  /** From the payload of the token, for display only: the server decides. */
  readonly expiresAt: number | null;
  /** A token that the console has logged in for is revoked when the session ends. A pasted one is only forgotten. */
  readonly isOwn: boolean;
}

type Given = Pick<Session, 'token' | 'identityId' | 'isOwn'>;

/** What a reload keeps, and what another tab is handed. */
interface Kept extends Given {
  readonly since: number;
  readonly touchedAt: number;
}

const KEY = 'latchkey:session';
const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 12 * 3_600_000;
const TOLD_EVERY_MS = 15_000;
const LOOK_EVERY_MS = 15_000;
/** A browser runs the timers of a hidden tab once a minute. */
const ASLEEP_MS = 150_000;
const ANSWER_MS = 150;

let current: Session | null = null;
let beganAt = 0;
let touchedAt = 0;
let toldAt = 0;
const listeners = new Set<() => void>();

export const session = {
  get: (): Session | null => current,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** @param since when the person signed in, in milliseconds. */
  begin(given: Given, since = Date.now()): void {
    adopt({ ...given, since, touchedAt: Date.now() });
  },
  /** Another token of the same session: no clock begins again. A session that has changed meanwhile stays as it is. */
  replace(oldToken: string, token: string): void {
    if (current?.token !== oldToken) return;
    current = { ...current, token, expiresAt: endOf(token) };
    keep();
    tell();
  },
  /** Forgets the token in this tab, and in the others when one signs out. */
  end(inAllTabs = false): void {
    current = null;
    sessionStorage.removeItem(KEY);
    if (inAllTabs) channel?.postMessage({ type: 'signed-out' });
    tell();
  },
  /** Whether it has lasted too long, or nothing was entered in any of its tabs for too long. */
  isOver(): boolean {
    const now = Date.now();
    return current !== null && (now - touchedAt > IDLE_MS || now - beganAt > LONGEST_MS);
  },
};

function adopt({ token, identityId, isOwn, since, touchedAt: touched }: Kept): void {
  current = { token, identityId, isOwn, expiresAt: endOf(token) };
  beganAt = since;
  touchedAt = touched;
  keep();
  tell();
}

function keep(): void {
  if (IS_ALONE && current !== null) sessionStorage.setItem(KEY, JSON.stringify(kept(current)));
}

function kept({ token, identityId, isOwn }: Session): Kept {
  return { token, identityId, isOwn, since: beganAt, touchedAt };
}

function tell(): void {
  for (const listener of listeners) listener();
}

/** A token that is not a JWT does not say when it ends. */
function endOf(token: string): number | null {
  const { exp } = payloadOf(token);
  return typeof exp === 'number' ? exp * 1000 : null;
}

export function payloadOf(token: string): Record<string, unknown> {
  try {
    const part = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Any page of an origin could ask. */
const channel = IS_ALONE && 'BroadcastChannel' in window ? new BroadcastChannel('latchkey') : null;
const SELF = crypto.getRandomValues(new Uint32Array(2)).join('-');

interface Message {
  readonly type: 'asks' | 'answers' | 'touched' | 'signed-out';
  readonly from?: string;
  readonly to?: string;
  readonly kept?: unknown;
}

if (channel)
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.type === 'signed-out') session.end();
    if (data.type === 'touched') touch();
    if (data.type === 'asks' && current !== null && !session.isOver() && data.from !== undefined)
      channel.postMessage({ type: 'answers', to: data.from, kept: kept(current) });
    if (data.type === 'answers' && data.to === SELF && current === null && isKept(data.kept)) adopt(data.kept);
  };

/** The session of this tab before a reload, or else that of another tab. */
export async function restoreSession(): Promise<void> {
  if (!IS_ALONE) sessionStorage.removeItem(KEY);
  const before = parsed(sessionStorage.getItem(KEY));
  if (isKept(before)) return adopt(before);
  if (!channel) return;
  channel.postMessage({ type: 'asks', from: SELF });
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ANSWER_MS);
    const stop = session.subscribe(() => {
      clearTimeout(timer);
      stop();
      resolve();
    });
  });
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}

function isKept(value: unknown): value is Kept {
  const { token, identityId, isOwn, since, touchedAt: touched } = (value ?? {}) as Record<string, unknown>;
  return (
    [token, identityId].every((text) => typeof text === 'string') &&
    [since, touched].every((time) => typeof time === 'number') &&
    typeof isOwn === 'boolean'
  );
}

/** @param end ends a session that is over, as signing out does. */
export function watchSession(end: () => unknown): void {
  const look = () => session.isOver() && end();
  const onInput = () => {
    if (current === null || look()) return;
    touchedAt = Date.now();
    if (touchedAt - toldAt < TOLD_EVERY_MS) return;
    toldAt = touchedAt;
    touch();
    channel?.postMessage({ type: 'touched' });
  };
  for (const event of ['pointerdown', 'keydown']) addEventListener(event, onInput, { passive: true });
  let lookedAt = Date.now();
  setInterval(() => {
    // A tab that was frozen first hears what the others have told meanwhile.
    const wasAsleep = Date.now() - lookedAt > ASLEEP_MS;
    lookedAt = Date.now();
    if (!wasAsleep) look();
  }, LOOK_EVERY_MS);
}

/** An input in this tab or another one. */
function touch(): void {
  touchedAt = Date.now();
  keep();
}
