import type { Claims } from '../federation/claim-rules';
import { InvalidJwtError, UnverifiedJwtError } from '../federation/federation.errors';
import { unverifiedClaimsOf } from '../federation/signed-jwt';

/** The longest time that a token may still be good for: Google's are good for an hour, or for twelve. */
const MAX_SECONDS = 86_400;

/** The subject that a token claims to have, to find out whose keys must have signed it. @throws InvalidJwtError */
export function unverifiedSubject(jwt: string): string {
  const claims = unverifiedClaimsOf(jwt);
  if (claims === undefined) throw new InvalidJwtError();
  return textIn(claims.sub) ?? '';
}

/** A token for years would be as good as a password. `exp` has been checked to be a number. @throws UnverifiedJwtError */
export function requireShort(claims: Claims, now: Date): Claims {
  if (Number(claims.exp) > now.getTime() / 1_000 + MAX_SECONDS) throw new UnverifiedJwtError('jwt lifetime too long');
  return claims;
}

/** The service account that an identity token is for. @throws UnverifiedJwtError */
export function accountIn({ email, email_verified: isVerified }: Claims): string {
  if (typeof email === 'string' && email !== '' && isVerified === true) return email;
  throw new UnverifiedJwtError('jwt email missing');
}

/** Where a virtual machine runs. Undefined where the token does not say it. */
export interface Place {
  readonly project: string | undefined;
  readonly zone: string | undefined;
}

export function placeIn({ google }: Claims): Place {
  const { compute_engine: machine } = fieldsIn(google);
  const { project_id: project, zone } = fieldsIn(machine);
  return { project: textIn(project), zone: textIn(zone) };
}

function fieldsIn(value: unknown): Claims {
  return typeof value === 'object' && value !== null ? (value as Claims) : {};
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
