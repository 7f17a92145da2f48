/**
 * Does one piece of work in a turn of the event loop, in the order in which it was asked for. Each takes some milliseconds:
 * those of several connections in one turn would add up to what the others wait.
 */
export function oneEachTurn(): (work: () => void) => void {
  const waiting: (() => void)[] = [];
  let isScheduled = false;
  const schedule = () => {
    isScheduled = waiting.length > 0;
    if (isScheduled) setImmediate(next);
  };
  const next = () => {
    const work = waiting.shift()!;
    try {
      work();
    } finally {
      schedule();
    }
  };
  return (work) => {
    waiting.push(work);
    if (!isScheduled) schedule();
  };
}
