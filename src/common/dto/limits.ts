/** Ten years, the longest lifetime that can be configured (contract 1.1.1). */
export const MAX_SECONDS = 315_360_000;
