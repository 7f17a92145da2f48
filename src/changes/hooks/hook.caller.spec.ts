import type { AccessTokenEvent } from './access-token-events';
import { HANDLER_MS, HookCaller } from './hook.caller';
import type { Hook } from './hook.registry';

const EVENT = { id: 'event', type: 'issued' } as AccessTokenEvent;

describe('a handler', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  // Seen red: a handler that hangs is called for every event, and each batch of events waits for it for ten seconds.
  it('that hangs three times is left alone until a call ends, or for a minute, and no other handler is', async () => {
    const caller = new HookCaller();
    const letGo: (() => void)[] = [];
    const handle = jest.fn(() => new Promise<void>((resolve) => letGo.push(resolve)));
    const hanging = hook('Broken.note', handle);
    const calls = [1, 2, 3].map(() => caller.call(hanging, EVENT));
    await jest.advanceTimersByTimeAsync(HANDLER_MS);
    expect(await Promise.all(calls)).toEqual([false, false, false]);
    expect(await caller.call(hanging, EVENT)).toBe(false);
    expect(handle).toHaveBeenCalledTimes(3);
    expect(
      await caller.call(
        hook('Sound.note', () => undefined),
        EVENT,
      ),
    ).toBe(true);
    letGo[0]!();
    await jest.advanceTimersByTimeAsync(0);
    const again = caller.call(hanging, EVENT);
    expect(handle).toHaveBeenCalledTimes(4);
    await jest.advanceTimersByTimeAsync(HANDLER_MS);
    expect(await again).toBe(false);
    expect(await caller.call(hanging, EVENT)).toBe(false);
    await jest.advanceTimersByTimeAsync(60_001);
    handle.mockImplementation(() => Promise.resolve());
    expect(await caller.call(hanging, EVENT)).toBe(true);
    expect(caller.counts).toEqual({ delivered: 2, failed: 6, lost: 0, givenUp: 0 });
  });

  it('may throw anything at all, also later than it may take', async () => {
    const caller = new HookCaller();
    const thrown = [undefined, null, 'text', new Error('away'), { message: 1 }];
    for (const error of thrown) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a host's code throws what it likes
      const throwing = hook('Broken.note', () => Promise.reject(error));
      expect(await caller.call(throwing, EVENT)).toBe(false);
    }
    const late = hook('Late.note', () => new Promise((_, reject) => setTimeout(reject, 2 * HANDLER_MS)));
    const call = caller.call(late, EVENT);
    await jest.advanceTimersByTimeAsync(3 * HANDLER_MS);
    expect(await call).toBe(false);
    expect(caller.counts.failed).toBe(thrown.length + 1);
  });
});

function hook(name: string, handle: Hook['handle']): Hook {
  return { name, type: 'issued', atLeastOnce: true, handle };
}
