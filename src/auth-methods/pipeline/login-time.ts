import { LoginTimedOutError } from '../auth-methods.errors';

/** The provider of the time that a login may wait for its method, in milliseconds. */
export const LOGIN_TIME = Symbol('LoginTime');
export const LOGIN_TIME_MS = 15_000;

/**
 * Waits for the proof of a login, however many requests it takes and however long each of them may take. Work that takes longer goes on
 * for those who come later, such as a fetch of keys, and its result is no longer used here.
 *
 * @throws LoginTimedOutError
 */
export async function inLoginTime<Result>(timeMs: number, work: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LoginTimedOutError()), timeMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
