import { LoginError } from '../auth-methods.errors';
import type { ClaimMismatch } from '../federation/claim-rules';

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
