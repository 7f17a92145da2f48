import { LoginError } from '../auth-methods.errors';
import type { ClaimMismatch } from '../federation/claim-rules';
import { UnverifiedJwtError } from '../federation/federation.errors';

/** The issuer has no key that the token can have been signed with. */
export class SigningKeyError extends LoginError {
  constructor(reason: keyof typeof SIGNING_KEY_FAULTS) {
    super(reason, `Access denied: ${SIGNING_KEY_FAULTS[reason]}`);
  }
}

const SIGNING_KEY_FAULTS = {
  signing_key_not_found: "The signing key was not found in the OIDC provider's JWKS endpoint.",
  no_signing_keys: "No signing keys were found in the OIDC provider's JWKS endpoint.",
  too_many_signing_keys: "The token names no key, and the OIDC provider's JWKS endpoint has too many to try.",
} as const;

/** A claim that is to go into the access token is not there, or cannot be kept. */
export class MissingMetadataClaimError extends LoginError {
  constructor(path: string) {
    super('missing_metadata_claim', `Access denied: token has no ${path} field`);
  }
}

/** The JWT is genuine, but not one of those that the identity is bound to. */
export function claimRefusal({ rule, isMissing, claim }: ClaimMismatch): LoginError {
  if (rule === 'issuer') return new UnverifiedJwtError('jwt issuer invalid');
  if (rule === 'subject') {
    return new LoginError('subject_not_allowed', 'Access denied: OIDC subject not allowed.', { status: 403 });
  }
  if (rule === 'audience') return new LoginError('audience_not_allowed', 'Access denied: OIDC audience not allowed.');
  if (isMissing) return new LoginError('missing_claim', `Access denied: token has no ${claim} field`);
  return new LoginError('claim_not_allowed', 'Access denied: OIDC claim not allowed.');
}
