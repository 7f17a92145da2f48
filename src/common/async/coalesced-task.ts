/**
 * Runs one task, one run at a time. Calls made during a run share a single follow-up run, because the current one may have
 * started too early for them.
 */
export class CoalescedTask<Result> {
  private underWay: Promise<unknown> = Promise.resolve();
  private next: Promise<Result> | undefined;

  constructor(private readonly work: () => Promise<Result>) {}

  /** Settles with the first run that begins after this call. */
  run(): Promise<Result> {
    this.next ??= this.underWay.then(() => {
      this.next = undefined;
      const run = this.work();
      this.underWay = run.catch(() => undefined);
      return run;
    });
    return this.next;
  }
}
