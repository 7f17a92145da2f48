import type { Actor, TokenHolder } from '../../changes/change';
import type { ObservationQueue } from '../../changes/observation.queue';
import { type OnRead, type OnRefusal, operationOf } from '../../common/http/observed-call';
import type { RequestOrigin } from '../../common/http/request-origin';
import type { AddressedRequest } from '../../common/net/client-address';
import type { AccessTokenVerifier } from '../verification/access-token.verifier';
import { refusedToken } from '../verification/refused-token';
import { stateOf } from '../verification/request-state';
import { originOfRequest } from './actor.decorator';

/**
 * Tells the audit trail of refused and failed requests to Latchkey's own routes. A request without a genuine token belongs to no
 * organization, so no audit log could show it, and it is left out.
 */
export function observingRefusals(verifier: AccessTokenVerifier, observations: ObservationQueue): OnRefusal {
  return (request, error) => {
    const called = calledBy(request);
    const actor = actorOf(request, error, () => originOfRequest(verifier, request as AddressedRequest));
    if (called === undefined || actor === undefined) return;
    const outcome = error.getStatus() >= 500 ? 'failed' : 'refused';
    observations.add({ ...called, outcome, reason: error.errorCode, actor });
  };
}

/** Tells the audit trail of reads of management data. */
export function observingReads(verifier: AccessTokenVerifier, observations: ObservationQueue): OnRead {
  return (request) => {
    const called = calledBy(request);
    const { caller } = stateOf(request);
    if (called === undefined || !caller) return;
    const actor = { caller, ...originOfRequest(verifier, request as AddressedRequest) };
    observations.add({ ...called, outcome: 'success', actor });
  };
}

function calledBy(request: object) {
  const operation = operationOf(request);
  if (operation === undefined) return undefined;
  const { name, event, ids } = operation;
  return { type: 'request', operation: name, event, ids } as const;
}

/** The caller; where the token itself was refused, its holder. */
function actorOf(request: object, error: object, origin: () => RequestOrigin): Actor | TokenHolder | undefined {
  const { caller } = stateOf(request);
  if (caller) return { caller, ...origin() };
  const token = refusedToken(error);
  return token && { ...token, ...origin() };
}
