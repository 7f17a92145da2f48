import type { Claims } from './claim-rules';
import { DocumentUnavailableError } from './document.cache';
import { InvalidJwtError, IssuerUnavailableError, UnverifiedJwtError } from './federation.errors';
import type { VerificationKey } from './key-set';
import { headerOf, SignedJwtError, type SignedJwtHeader, verifySignedJwt } from './signed-jwt';

/** The token of a login, and when it was presented. */
interface Presented {
  readonly credentials: { readonly jwt: string };
  readonly now: Date;
}

/** Finds the keys that a token can have been signed with. @throws DocumentUnavailableError, SignedJwtError, LoginError */
type KeysFor = (header: SignedJwtHeader) => Promise<readonly VerificationKey[]> | readonly VerificationKey[];

/**
 * The claims of a token that one of the keys has signed, within its time.
 *
 * @param context words before the reason for a refusal
 * @throws InvalidJwtError, UnverifiedJwtError, IssuerUnavailableError, and the refusals of `keysFor`
 */
export async function verifiedClaims(attempt: Presented, keysFor: KeysFor, context = ''): Promise<Claims> {
  const { credentials, now } = attempt;
  const header = headerOf(credentials.jwt);
  if (!header) throw new InvalidJwtError();
  try {
    return await verifySignedJwt(credentials.jwt, await keysFor(header), now);
  } catch (error) {
    if (error instanceof DocumentUnavailableError) throw new IssuerUnavailableError(error.reason, error.cause);
    throw error instanceof SignedJwtError ? new UnverifiedJwtError(`${context}${error.message}`) : error;
  }
}
