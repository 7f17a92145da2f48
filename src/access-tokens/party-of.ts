import type { ExecutionContext } from '@nestjs/common';
import type { Party } from '../common/errand';
import type { AccessTokenVerifier } from './access-token.verifier';
import { noteOn } from './call-note';
import { originOf } from './call-origin';

const STRANGERS = 'strangers';

/** A caller counts for its organization; who shows no token, for the address. */
export function partyOf(verifier: AccessTokenVerifier, context: ExecutionContext): Party {
  const { subject, request } = originOf(context);
  const { caller } = noteOn(subject);
  if (caller) return { group: caller.organization.id, member: caller.identityId, isCrowd: false };
  return { group: STRANGERS, member: verifier.addressOf(request) ?? '', isCrowd: true };
}
