import type { ChangeTarget, TokenHolder } from '../../changes/change';

/** The token of a holder, as the target of a change. */
export function holderTarget({ tokenId, identityId, organizationId }: TokenHolder): ChangeTarget {
  return { type: 'token', id: tokenId, identityId, organizationId };
}
