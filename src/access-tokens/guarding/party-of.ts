import type { ExecutionContext } from '@nestjs/common';
import { type Party, strangerAt } from '../../common/async/query-context';
import type { AccessTokenVerifier } from '../verification/access-token.verifier';
import { stateOf } from '../verification/request-state';
import { originOf } from './call-origin';

/** A caller counts for its organization, a request without a token for its address. */
export function partyOf(verifier: AccessTokenVerifier, context: ExecutionContext): Party {
  const { subject, request } = originOf(context);
  const { caller } = stateOf(subject);
  if (caller) return { group: caller.organization.id, member: caller.identityId, isCrowd: false };
  return strangerAt(verifier.addressOf(request));
}
