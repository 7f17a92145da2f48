/** After that many attempts, in over an hour, a delivery that its receiver refuses is a dead letter. */
export const MOST_REFUSED = 16;
/** The same, in about three days, for a delivery that no receiver has answered. */
export const MOST_UNANSWERED = 450;
const LONGEST_PAUSE_MS = 600_000;

/** Answers of a receiver, or of what stands before it, that is not ready. */
const NOT_READY = new Set(['http_429', 'http_502', 'http_503', 'http_504']);
/** No answer came that says anything about the events. */
const UNANSWERED = new Set([
  'timed_out',
  'unreachable',
  'unresolved',
  'busy',
  'certificate_refused',
  'secret_unreadable',
]);

/** Whether a delivery has failed so often that the next one is tried instead. */
export function isGivenUp(fault: string, attempts: number): boolean {
  const isPatient = NOT_READY.has(fault) || UNANSWERED.has(fault);
  return attempts >= (isPatient ? MOST_UNANSWERED : MOST_REFUSED);
}

/** The pause doubles with each attempt, up to ten minutes. A random part of it keeps receivers from being asked in step. */
export function pauseMs(attempts: number): number {
  return Math.min(2 ** Math.min(attempts, 20) * 1_000, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
}
