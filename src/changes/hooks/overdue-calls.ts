/** So many calls of a handler may take too long before it is left alone. */
const MOST = 3;
/** For how long a call counts that never ends: afterwards its handler is tried again. */
const COUNTED_MS = 60_000;

interface OverdueCall {
  readonly since: number;
}

/** The calls of handlers that have taken too long and have not ended. No call can be ended from outside. */
export class OverdueCalls {
  private readonly byHook = new Map<string, Set<OverdueCall>>();

  /** @param call the handler's promise, which may settle later, or never. */
  note(hook: string, call: Promise<unknown>): void {
    const calls = this.byHook.get(hook) ?? new Set();
    this.byHook.set(hook, calls);
    const overdue = { since: performance.now() };
    calls.add(overdue);
    const ended = () => calls.delete(overdue);
    call.then(ended, ended);
  }

  /** Whether one more call of a handler would most likely only wait as well. */
  areTooMany(hook: string): boolean {
    const calls = this.byHook.get(hook);
    if (calls === undefined) return false;
    const oldest = performance.now() - COUNTED_MS;
    for (const call of calls) if (call.since < oldest) calls.delete(call);
    return calls.size >= MOST;
  }
}
