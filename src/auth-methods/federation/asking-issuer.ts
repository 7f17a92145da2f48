import { DocumentUnavailableError } from './document.cache';
import { IssuerUnavailableError } from './federation.errors';

/** Does work that asks an issuer. @throws IssuerUnavailableError */
export async function askingIssuer<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DocumentUnavailableError ? new IssuerUnavailableError(error.reason, error.cause) : error;
  }
}
