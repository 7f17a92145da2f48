import { DocumentUnavailableError } from './document.cache';
import { IssuerUnavailableError } from './federation.errors';

/** How long a login waits for issuers, however many requests that takes. */
const PATIENCE_MS = 15_000;

/** Waits for work that asks an issuer. A fetch that takes longer goes on for those who come later. @throws IssuerUnavailableError */
export async function askingIssuer<Result>(work: () => Promise<Result>, patienceMs = PATIENCE_MS): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DocumentUnavailableError('timed_out')), patienceMs);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    throw error instanceof DocumentUnavailableError ? new IssuerUnavailableError(error.reason, error.cause) : error;
  } finally {
    clearTimeout(timer);
  }
}
