import { randomUUID } from 'node:crypto';
import type { RequestOrigin } from '../../common/http/request-origin';
import type { Change, ChangeTarget } from '../change';
import type { EventActor, RevokedEvent, UntoldEvent } from './access-token-events';

export const SYSTEM: EventActor = { kind: 'system' };

/** The events of a change. A change to anything but tokens has none. */
export function eventsOf(change: Change, at: Date): UntoldEvent[] {
  const { action, targets } = change;
  const event = eventIn(change, at);
  if (action === 'rotate-token-identity-token-auth') {
    const [replaced, made] = targets;
    return [{ ...event(replaced!), type: 'rotated', newTokenId: made!.id }];
  }
  const reason = REASONS[action];
  if (reason !== undefined) return [{ ...event(targets[0]!), type: 'revoked', reason }];
  const tokens = targets.filter(({ type }) => type === 'token');
  return /^(create|bootstrap)-/.test(action) ? tokens.map((token) => ({ ...event(token), type: 'issued' })) : [];
}

const REASONS: Partial<Record<Change['action'], RevokedEvent['reason']>> = {
  'revoke-token-identity-token-auth': 'revoked',
  'revoke-identity-access-token': 'revoked',
  'revoke-all-tokens-token-auth': 'all_revoked',
  'revoke-identity-token-auth': 'method_removed',
  'delete-identity': 'identity_deleted',
  'refuse-issued-before': 'recalled',
};

function eventIn({ actor }: Change, at: Date) {
  const { address, requestId }: Partial<RequestOrigin> = typeof actor === 'string' ? {} : actor;
  const origin = { requestId: requestId ?? null, address: address ?? null };
  const common = { at: at.getTime(), actor: actorOf(actor), ...origin };
  return ({ type, id, identityId, organizationId }: ChangeTarget) => ({
    id: randomUUID(),
    tokenId: type === 'token' ? id : null,
    identityId: identityId ?? null,
    organizationId: organizationId ?? null,
    ...common,
  });
}

function actorOf(actor: Change['actor']): EventActor {
  if (typeof actor === 'string') return { kind: actor };
  if ('program' in actor) return { kind: actor.program };
  const { identityId, tokenId } = 'caller' in actor ? actor.caller : actor;
  return { kind: 'identity', identityId, tokenId };
}
