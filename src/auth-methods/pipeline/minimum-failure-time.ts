/** How long after its arrival a refused login is answered, at least. */
export const REFUSAL_FLOOR_MS = 20;

/**
 * Does something, and if that fails says so no sooner than the floor after it began: what it took to find out is not to be
 * measured. Waiting holds nothing, no connection above all.
 */
export async function withRefusalFloor<Result>(work: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  // Set before the work begins: what is left of it afterwards would be rounded to milliseconds, and keep the rest to be seen.
  const floor = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, REFUSAL_FLOOR_MS);
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
