import { LoginError } from '../auth-methods.errors';
import type { ClaimMismatch } from '../federation/claim-rules';

/** The text that was sent is not a JWT. */
export class InvalidJwtError extends LoginError {
  constructor() {
    super('invalid_jwt', 'Invalid JWT');
  }
}

/** The JWT is not to be believed, or not now. */
export class UnverifiedJwtError extends LoginError {
  /** @param reason in a few words, with nothing of the token in them. */
  constructor(reason: string, isStatic: boolean) {
    const place = isStatic ? 'JWT verification failed with all keys. Errors - ' : '';
    super('jwt_verification_failed', `Access denied: ${place}${reason}`);
  }
}

/** The JWT is genuine, but not one of those that the identity is bound to. */
export function claimRefusal({ rule, isMissing, claim }: ClaimMismatch): LoginError {
  if (rule === 'issuer') return new LoginError('issuer_mismatch', 'Access denied: issuer mismatch', { status: 403 });
  if (isMissing) return new LoginError(`missing_${rule}`, `Access denied: token has no ${NAMES[rule] ?? claim} field`);
  if (rule === 'subject') {
    return new LoginError('subject_not_allowed', 'Access denied: subject not allowed', { status: 403 });
  }
  if (rule === 'audience') return new LoginError('audience_not_allowed', 'Access denied: token audience not allowed');
  return new LoginError('claim_mismatch', `Access denied: claim mismatch for field ${claim}`);
}

const NAMES: Partial<Record<ClaimMismatch['rule'], string>> = { subject: 'subject', audience: 'audience' };
