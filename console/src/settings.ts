/** The reader's settings: the one key of `localStorage` that the console writes. */
export interface Settings {
  readonly theme: 'system' | 'light' | 'dark';
  readonly zone: 'local' | 'utc';
  readonly keys: 'on' | 'off';
}

const KEY = 'latchkey:settings';
const CHOICES = { theme: ['system', 'light', 'dark'], zone: ['local', 'utc'], keys: ['on', 'off'] } as const;
export const DEFAULTS: Settings = { theme: 'system', zone: 'local', keys: 'on' };

let current: Settings = read();
const listeners = new Set<() => void>();

export const settings = {
  get: (): Settings => current,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  set(change: Partial<Settings>): void {
    current = { ...current, ...change };
    localStorage.setItem(KEY, JSON.stringify(current));
    apply();
    for (const listener of listeners) listener();
  },
};

/** A value that is not one of the choices counts as left out. */
function read(): Settings {
  try {
    const kept = (JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, unknown> | null) ?? {};
    const known = Object.entries(CHOICES).filter(([name, choices]) => choices.some((choice) => choice === kept[name]));
    return { ...DEFAULTS, ...Object.fromEntries(known.map(([name]) => [name, kept[name]])) };
  } catch {
    return DEFAULTS;
  }
}

export function apply(): void {
  const { dataset } = document.documentElement;
  dataset.theme = current.theme;
  dataset.zone = current.zone;
}
