import { randomUUID } from 'node:crypto';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Change, ChangeAttempt } from '../changes/change';
import type { ObservationOwner } from '../changes/observation-shares';
import type { Lockout, Observation, UnsuccessfulLogin } from '../changes/observation';
import type { RequestOrigin } from '../common/http/request-origin';
import { isId, NIL_ID } from '../common/ids';
import { metadataOf } from './event-metadata';
import { userAgentTypeOf } from './user-agent-type';

/** A longer text of a client is cut. */
const MAX_USER_AGENT = 500;

/** The kinds of actors. `platform` is Latchkey itself, `operator` the command line, `host` the code of an application. */
export const ACTOR_TYPES = ['identity', 'platform', 'operator', 'host', 'unknown'] as const;
export type ActorType = (typeof ACTOR_TYPES)[number];

export const OUTCOMES = ['success', 'refused', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** An event that is about to be written. The store adds what only the database knows: the time, and names of the actor. */
export interface AuditEvent {
  readonly id: string;
  /** Milliseconds since the epoch; null for the time of the database when it is written. */
  readonly at: number | null;
  /** Null if only the database knows it: it is that of the identity or of the auth method. */
  readonly organizationId: string | null;
  readonly eventType: string;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly actorType: ActorType;
  readonly actorIdentityId: string | null;
  readonly actorTokenId: string | null;
  readonly identityId: string | null;
  readonly tokenId: string | null;
  /** By this the organization of a failed login is found. */
  readonly authMethodId: string | null;
  readonly eventMetadata: object;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly userAgentType: string | null;
  readonly requestId: string | null;
}

/** The event of a change: the first target is the one that it is about. */
export function eventOfChange({ actor, action, targets }: Change): AuditEvent {
  const [target] = targets;
  const tokenId = targets.find(({ type }) => type === 'token')?.id ?? null;
  return {
    ...NOTHING,
    id: randomUUID(),
    organizationId: target?.organizationId ?? NIL_ID,
    eventType: action,
    ...actorOf(actor),
    identityId: target?.identityId ?? null,
    tokenId,
    eventMetadata: metadataOf(targets),
  };
}

/** An event that a host records itself. */
export interface HostEvent extends Pick<AuditEvent, 'id' | 'identityId' | 'tokenId' | 'outcome' | 'reason'> {
  readonly organizationId: string;
  readonly type: string;
  readonly caller: Pick<VerifiedAccessToken, 'identityId' | 'tokenId'> | undefined;
  readonly origin: Partial<RequestOrigin>;
  readonly metadata: object;
}

export function eventOfHost({ type, caller, origin, metadata, ...event }: HostEvent): AuditEvent {
  const { address, requestId, userAgent } = origin;
  return {
    ...NOTHING,
    ...event,
    eventType: type,
    ...originOf({ address, requestId, userAgent }),
    actorType: caller === undefined ? 'host' : 'identity',
    actorIdentityId: caller?.identityId ?? null,
    actorTokenId: caller?.tokenId ?? null,
    eventMetadata: metadata,
  };
}

/** The event of an act that changed nothing; undefined for one that no organization can be told of. */
export function eventOfObservation(one: Observation): AuditEvent | undefined {
  return one.type === 'request' ? eventOfRequest(one) : eventOfLogin(one);
}

/** The event that takes the place of those of an organization that were lost. */
export function gapEvent(owner: ObservationOwner, missed: number): AuditEvent {
  const place = { organizationId: null, ...owner };
  const eventMetadata = { missedEvents: missed };
  return { ...NOTHING, ...place, id: randomUUID(), eventType: 'audit-log-gap', outcome: 'failed', eventMetadata };
}

function eventOfRequest(one: Extract<Observation, { type: 'request' }>): AuditEvent | undefined {
  if (one.event === undefined) return undefined;
  const { actor, ids } = one;
  return {
    ...NOTHING,
    id: randomUUID(),
    at: one.at.getTime(),
    organizationId: 'caller' in actor ? actor.caller.organization.id : actor.organizationId,
    eventType: one.event,
    outcome: one.outcome,
    reason: one.reason ?? null,
    ...actorOf(actor),
    identityId: idIn(ids.identityId),
    tokenId: idIn(ids.tokenId),
    // A text that is not an id comes from the client, and may be anything.
    eventMetadata: Object.fromEntries(Object.entries(ids).filter(([, id]) => isId(id))),
  };
}

function eventOfLogin(one: UnsuccessfulLogin | Lockout): AuditEvent | undefined {
  if (one.authMethodId === undefined) return undefined;
  const identityId = one.type === 'login' ? (one.identityId ?? null) : null;
  return {
    ...NOTHING,
    id: randomUUID(),
    at: one.at.getTime(),
    organizationId: null,
    eventType: one.type === 'login' ? `login-identity-${one.method}` : `lock-out-identity-${one.method}`,
    outcome: one.outcome,
    reason: one.reason,
    ...originOf(one),
    identityId,
    authMethodId: one.authMethodId,
    eventMetadata: { authMethodId: one.authMethodId, ...(identityId ? { identityId } : {}) },
  };
}

const NOTHING = {
  at: null,
  outcome: 'success',
  reason: null,
  actorType: 'unknown',
  actorIdentityId: null,
  actorTokenId: null,
  identityId: null,
  tokenId: null,
  authMethodId: null,
  ipAddress: null,
  userAgent: null,
  userAgentType: null,
  requestId: null,
} as const;

type WhoAndWhere = Pick<
  AuditEvent,
  'actorType' | 'actorIdentityId' | 'actorTokenId' | 'ipAddress' | 'userAgent' | 'userAgentType' | 'requestId'
>;

const PROGRAMS = { host: 'host', operator: 'operator', system: 'platform' } as const;

function actorOf(actor: ChangeAttempt['actor']): WhoAndWhere {
  if (typeof actor === 'string') return { ...NOWHERE, actorType: PROGRAMS[actor] };
  if ('program' in actor) return { ...NOWHERE, ...originOf(actor), actorType: PROGRAMS[actor.program] };
  const { identityId, tokenId } = 'caller' in actor ? actor.caller : actor;
  return { ...originOf(actor), actorType: 'identity', actorIdentityId: identityId, actorTokenId: tokenId };
}

const NOWHERE = {
  actorIdentityId: null,
  actorTokenId: null,
  ipAddress: null,
  userAgent: null,
  userAgentType: null,
  requestId: null,
} as const;

interface Origin {
  readonly address: string | undefined;
  readonly requestId: string | undefined;
  readonly userAgent: string | undefined;
}

function originOf({
  address,
  requestId,
  userAgent,
}: Origin): Omit<WhoAndWhere, 'actorType'> & { actorType: 'unknown' } {
  return {
    ...NOWHERE,
    actorType: 'unknown',
    ipAddress: address ?? null,
    userAgent: userAgent === undefined ? null : printable(userAgent),
    userAgentType: userAgent === undefined ? null : userAgentTypeOf(userAgent),
    requestId: requestId ?? null,
  };
}

/** Without control characters, which could change the look of a log, and without what PostgreSQL cannot store. */
function printable(text: string): string {
  const wellFormed = Buffer.from(text.slice(0, MAX_USER_AGENT)).toString();
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is taken out
  return wellFormed.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

function idIn(text: string | undefined): string | null {
  return text !== undefined && isId(text) ? text.toLowerCase() : null;
}
