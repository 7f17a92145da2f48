import { setImmediate as turn } from 'node:timers/promises';
import { CoalescedTask } from './coalesced-task';

/** A task whose runs end when they are told to. */
function controlled() {
  const runs: { readonly end: () => void; readonly fail: (error: Error) => void }[] = [];
  const task = new CoalescedTask(
    () =>
      new Promise<number>((resolve, reject) => {
        const number = runs.length + 1;
        runs.push({ end: () => resolve(number), fail: reject });
      }),
  );
  return { runs, task };
}

describe('a coalesced task', () => {
  it('runs once at a time, and once more for all who asked during a run', async () => {
    const { runs, task } = controlled();
    const first = task.run();
    await turn();
    const [second, third] = [task.run(), task.run()];
    await turn();
    expect(runs).toHaveLength(1);
    runs[0]!.end();
    expect(await first).toBe(1);
    await turn();
    expect(runs).toHaveLength(2);
    runs[1]!.end();
    expect(await Promise.all([second, third])).toEqual([2, 2]);
  });

  it('fails for those alone who asked for the run that failed', async () => {
    const { runs, task } = controlled();
    const first = task.run();
    await turn();
    const second = task.run();
    runs[0]!.fail(new Error('once'));
    await expect(first).rejects.toThrow('once');
    await turn();
    runs[1]!.end();
    expect(await second).toBe(2);
  });
});
