import type { Clock } from '../common/clock/clock';
import { AuditTrail } from './audit-trail';
import type { MissedObservations } from './missed-observations';
import type { Observation, UnsuccessfulLogin } from './observation';
import { LARGEST_BATCH, MAX_WAITING, ObservationQueue } from './observation.queue';

/** Keeps what it hears, unless it is told to fail. */
class KeepingTrail extends AuditTrail {
  readonly batches: (readonly Observation[])[] = [];
  readonly missed: number[] = [];
  readonly gaps: MissedObservations[] = [];
  failures = 0;

  record(): Promise<void> {
    return Promise.resolve();
  }

  observe(observations: readonly Observation[], missed: readonly MissedObservations[]): Promise<void> {
    if (this.failures-- > 0) return Promise.reject(new Error('away'));
    this.batches.push(observations);
    this.missed.push(missed.reduce((sum, { count }) => sum + count, 0));
    this.gaps.push(...missed);
    return Promise.resolve();
  }
}

const NOW = new Date();
const login = (reason: string): Omit<UnsuccessfulLogin, 'at'> => ({
  type: 'login',
  outcome: 'refused',
  reason,
  method: 'universal-auth',
  authMethodId: undefined,
  identityId: undefined,
  address: undefined,
  requestId: undefined,
  userAgent: undefined,
});

function queueWith(trail: AuditTrail): ObservationQueue {
  return new ObservationQueue(trail, { now: () => NOW } as Clock);
}

describe('the queue of observations', () => {
  it('hands on everything once, in order and in batches, each with the time at which it happened', async () => {
    const trail = new KeepingTrail();
    const queue = queueWith(trail);
    const reasons = Array.from({ length: LARGEST_BATCH + 1 }, (_, index) => `r${index}`);
    for (const reason of reasons) queue.add(login(reason));
    expect(trail.batches).toEqual([]);
    await queue.flush();
    await queue.flush();
    expect(trail.batches.map((batch) => batch.length)).toEqual([LARGEST_BATCH, 1]);
    expect(trail.batches.flat()).toEqual(reasons.map((reason) => ({ ...login(reason), at: NOW })));
    expect(trail.missed).toEqual([0, 0]);
  });

  it('keeps a bounded number, and tells how many more there were', async () => {
    const trail = new KeepingTrail();
    const queue = queueWith(trail);
    for (let added = 0; added < MAX_WAITING + 7; added += 1) queue.add(login('flood'));
    await queue.flush();
    expect(trail.batches.flat()).toHaveLength(MAX_WAITING);
    expect(trail.missed.reduce((sum, count) => sum + count)).toBe(7);
  });

  it('loses nothing of one organization because another floods it, and counts what each lost', async () => {
    const trail = new KeepingTrail();
    const queue = queueWith(trail);
    const of = (authMethodId: string) => ({ ...login(authMethodId), authMethodId });
    for (let added = 0; added < MAX_WAITING + 100; added += 1) queue.add(of('noisy'));
    for (let added = 0; added < 50; added += 1) queue.add(of('quiet'));
    for (let added = 0; added < 10; added += 1) queue.add(of('noisy'));
    await queue.flush();
    const all = trail.batches.flat();
    expect(all.filter(({ reason }) => reason === 'quiet')).toHaveLength(50);
    expect(all).toHaveLength(MAX_WAITING);
    // They do not wait behind the flood either.
    expect(trail.batches[0]!.filter(({ reason }) => reason === 'quiet')).toHaveLength(50);
    expect(trail.gaps).toEqual([{ owner: { authMethodId: 'noisy' }, count: 160 }]);
  });

  it('counts a batch that failed as missed, keeps the others, and goes on with the next flush', async () => {
    const trail = new KeepingTrail();
    trail.failures = 1;
    const queue = queueWith(trail);
    for (let added = 0; added < LARGEST_BATCH + 2; added += 1) queue.add(login('away'));
    await queue.flush();
    expect(trail.batches).toEqual([]);
    await queue.flush();
    expect(trail.batches.flat()).toHaveLength(2);
    expect(trail.missed).toEqual([LARGEST_BATCH]);
  });

  it('hands on what came last before the process ends', async () => {
    const trail = new KeepingTrail();
    const queue = queueWith(trail);
    queue.add(login('first'));
    await queue.beforeApplicationShutdown();
    queue.add(login('last'));
    await queue.onApplicationShutdown();
    expect(trail.batches.flat().map(({ reason }) => reason)).toEqual(['first', 'last']);
  });
});
