import type { TokenFacts } from './token-facts.reader';

/** The token that was refused, and to whom it belongs. */
export type RefusedToken = Pick<TokenFacts, 'tokenId' | 'identityId'> & { readonly organizationId: string };

const tokens = new WeakMap<object, RefusedToken>();

/** Notes which genuine token an error refuses. Kept beside the error, whose fields hosts may log or answer. */
export function refusing<E extends Error>(error: E, { tokenId, identityId, organization }: TokenFacts): E {
  tokens.set(error, { tokenId, identityId, organizationId: organization.id });
  return error;
}

/** The genuine token that an error refuses; undefined for any other error. */
export function refusedToken(error: object): RefusedToken | undefined {
  return tokens.get(error);
}
