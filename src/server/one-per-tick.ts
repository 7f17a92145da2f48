/**
 * Does one piece of work per turn of the event loop, in the order of the calls. Each takes some milliseconds. Several in one
 * turn would delay other requests by their sum.
 */
export function onePerTick(): (work: () => void) => void {
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
