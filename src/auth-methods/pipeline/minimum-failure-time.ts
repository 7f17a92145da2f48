/** The shortest time from the arrival of a login to its refusal. */
export const MINIMUM_FAILURE_MS = 20;

/**
 * Does something. A failure is reported no sooner than the minimum time after the start, so that the duration does not reveal
 * what happened. The wait holds no resources, above all no connection.
 */
export async function withMinimumFailureTime<Result>(work: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  // Set before the work begins: the remaining time afterwards would be rounded to milliseconds, and the rest could be measured.
  const floor = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MINIMUM_FAILURE_MS);
  });
  try {
    return await work();
  } catch (error) {
    await floor;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
