/** How a key stands with one of its limits. */
export interface RateStanding {
  readonly limit: number;
  readonly perSeconds: number;
  /** Requests that are left now. */
  readonly remaining: number;
  /** Milliseconds until more of them are. */
  readonly moreInMs: number;
}

/** The fields of draft-ietf-httpapi-ratelimit-headers-10, by limits that are named after their periods. */
export function rateHeaders(standings: readonly RateStanding[]): Record<string, string> {
  const policies = standings.map(({ limit, perSeconds }) => `"${perSeconds}s";q=${limit};w=${perSeconds}`);
  const states = standings.map(
    ({ perSeconds, remaining, moreInMs }) => `"${perSeconds}s";r=${remaining};t=${secondsOf(moreInMs)}`,
  );
  return { 'RateLimit-Policy': policies.join(', '), RateLimit: states.join(', ') };
}

/** Seconds until a request is admitted, if there are no others: at least one. */
export function retryAfter(standings: readonly RateStanding[]): number {
  const waits = standings.map(({ remaining, moreInMs }) => (remaining === 0 ? secondsOf(moreInMs) : 1));
  return Math.max(1, ...waits);
}

function secondsOf(ms: number): number {
  return Math.ceil(ms / 1_000);
}
