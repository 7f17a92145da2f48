import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MS = 10;

/** The first defined answer of the probe, or undefined when the deadline (in epoch milliseconds) passes. */
export async function pollUntil<T>(deadline: number, probe: () => T | undefined): Promise<T | undefined> {
  for (;;) {
    const answer = probe();
    if (answer !== undefined || Date.now() >= deadline) return answer;
    await sleep(INTERVAL_MS);
  }
}
