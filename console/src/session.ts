/**
 * The access token that a person has signed in with. It lives in this module, and in the `sessionStorage` of the tab so that a
 * reload keeps it. It is in no address, no cookie and no `localStorage`.
 */
export interface Session {
  readonly token: string;
  /** From the payload of the token, for display only: the server decides. */
  readonly identityId: string;
  readonly identityName: string;
  readonly organizationId: string;
  readonly expiresAt: number | null;
  /** A token that the console has logged in for is revoked when one signs out. A pasted one is only forgotten. */
  readonly isOwn: boolean;
}

const KEY = 'latchkey:session';
const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 12 * 3_600_000;
const ANSWER_MS = 150;

let current: Session | null = null;
let beganAt = Date.now();
let touchedAt = Date.now();
const listeners = new Set<() => void>();

export const session = {
  get: (): Session | null => current,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  begin(token: string, isOwn: boolean): void {
    current = { token, isOwn, ...claimsOf(token) };
    beganAt = touchedAt = Date.now();
    sessionStorage.setItem(KEY, JSON.stringify({ token, isOwn, beganAt }));
    tell();
  },
  /** Forgets the token in this tab, and in the others when one signs out. */
  end(inAllTabs = false): void {
    current = null;
    sessionStorage.removeItem(KEY);
    if (inAllTabs) channel?.postMessage({ type: 'signed-out' });
    tell();
  },
};

function tell(): void {
  for (const listener of listeners) listener();
}

/** A token that is not a JWT tells nothing of itself. */
function claimsOf(token: string): Omit<Session, 'token' | 'isOwn'> {
  const claims = payloadOf(token);
  const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : '');
  return {
    identityId: text('identityId'),
    identityName: text('identityName'),
    organizationId: text('orgId'),
    expiresAt: typeof claims.exp === 'number' ? claims.exp * 1000 : null,
  };
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

/** Only where the application has the origin to itself: any page of an origin could ask. */
const isShared = document.querySelector('meta[name="latchkey-tabs"]')?.getAttribute('content') === 'share';
const channel = isShared && 'BroadcastChannel' in window ? new BroadcastChannel('latchkey') : null;
const SELF = crypto.getRandomValues(new Uint32Array(2)).join('-');

interface Message {
  readonly type: 'asks' | 'answers' | 'signed-out';
  readonly from?: string;
  readonly to?: string;
  readonly token?: string;
  readonly isOwn?: boolean;
}

if (channel)
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.type === 'signed-out') session.end();
    if (data.type === 'asks' && current !== null && data.from !== undefined)
      channel.postMessage({ type: 'answers', to: data.from, token: current.token, isOwn: current.isOwn });
    if (data.type === 'answers' && data.to === SELF && current === null && data.token !== undefined)
      session.begin(data.token, data.isOwn === true);
  };

/** The session of this tab before a reload, or else that of another tab. */
export async function restoreSession(): Promise<void> {
  const kept = parsed(sessionStorage.getItem(KEY));
  if (typeof kept.token === 'string') {
    session.begin(kept.token, kept.isOwn === true);
    if (typeof kept.beganAt === 'number') beganAt = kept.beganAt;
    return;
  }
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

function parsed(text: string | null): Record<string, unknown> {
  try {
    return (JSON.parse(text ?? '{}') as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}

for (const event of ['pointerdown', 'keydown'])
  addEventListener(event, () => (touchedAt = Date.now()), { passive: true });
setInterval(() => {
  const now = Date.now();
  if (current !== null && (now - touchedAt > IDLE_MS || now - beganAt > LONGEST_MS)) session.end(true);
}, 15_000);
