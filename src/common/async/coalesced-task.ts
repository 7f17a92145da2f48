/**
 * One piece of work that is done again and again, once at a time. Who asks while it is under way shares the next turn with all
 * others who do: what they want done was not there yet when this one began.
 */
export class CoalescedTask<Result> {
  private underWay: Promise<unknown> = Promise.resolve();
  private next: Promise<Result> | undefined;

  constructor(private readonly work: () => Promise<Result>) {}

  /** Settles with the first turn that begins after this call. */
  run(): Promise<Result> {
    this.next ??= this.underWay.then(() => {
      this.next = undefined;
      const turn = this.work();
      this.underWay = turn.catch(() => undefined);
      return turn;
    });
    return this.next;
  }
}
