import type { RefusalCode } from '../../access-tokens/issuing/access-tokens.errors';

/** The one who made a change. */
export type EventActor =
  | { readonly kind: 'identity'; readonly identityId: string; readonly tokenId: string }
  | { readonly kind: 'host' | 'operator' | 'system' };

/** The fields that every event has. It never has the token itself. */
export interface AccessTokenEventFields<Type extends string> {
  /** The id of the event (a UUID), the same however often the event is delivered. */
  readonly id: string;
  readonly type: Type;
  /** When it happened, by the clock of the database. */
  readonly at: Date;
  /** For `expired`, `refused` and `firstUsed` it is Latchkey itself. */
  readonly actor: EventActor;
  /** The id of the request that made the change; null for a change by code. */
  readonly requestId: string | null;
  /** The client's address; null where there is none. */
  readonly address: string | null;
  /** The host's own id of the organization; null if it gave none. */
  readonly organizationExternalId: string | null;
  /** The host's own id of the token; null if it gave none. */
  readonly externalId: string | null;
  readonly name: string | null;
  /** The labels of the token. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The fields of an event of one token. */
export interface TokenEventFields<Type extends string> extends AccessTokenEventFields<Type> {
  readonly tokenId: string;
  readonly identityId: string;
  readonly organizationId: string;
}

/** A token was issued. */
export type IssuedEvent = TokenEventFields<'issued'>;

/** A token was replaced: `tokenId` is the old one, and the other fields are those that both have. */
export interface RotatedEvent extends TokenEventFields<'rotated'> {
  readonly newTokenId: string;
}

/**
 * A token was revoked, or many at once. With a reason other than `revoked` it is one event for all tokens of the identity, the
 * organization or the instance: `tokenId` is null, and so is each id that does not narrow them.
 */
export interface RevokedEvent extends AccessTokenEventFields<'revoked'> {
  readonly tokenId: string | null;
  readonly identityId: string | null;
  readonly organizationId: string | null;
  readonly reason: 'revoked' | 'all_revoked' | 'method_removed' | 'identity_deleted' | 'recalled';
}

/** A token has ended, told within about a minute: by its own end, or after another token took its place. */
export interface ExpiredEvent extends TokenEventFields<'expired'> {
  readonly reason: 'expired' | 'rotated';
}

/** Requests with a genuine token were refused. Those of a second are one event for each token and reason. */
export interface RefusedEvent extends TokenEventFields<'refused'> {
  /** The `errorCode` of the refusal. */
  readonly reason: RefusalCode;
  /** How many requests there were. */
  readonly count: number;
}

/** A token was used for the first time. Told once for each token. */
export type FirstUsedEvent = TokenEventFields<'firstUsed'>;

/** The events of access tokens, by their names. */
export interface AccessTokenEvents {
  readonly issued: IssuedEvent;
  readonly rotated: RotatedEvent;
  readonly revoked: RevokedEvent;
  readonly expired: ExpiredEvent;
  readonly refused: RefusedEvent;
  readonly firstUsed: FirstUsedEvent;
}

/** The name of an event of access tokens. */
export type AccessTokenEventName = keyof AccessTokenEvents;

/** Any event of an access token. */
export type AccessTokenEvent = AccessTokenEvents[AccessTokenEventName];

/** An event before the database has added what it knows of the token. It travels as JSON. */
export interface UntoldEvent {
  readonly id: string;
  readonly type: AccessTokenEventName;
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly tokenId: string | null;
  readonly identityId: string | null;
  readonly organizationId: string | null;
  readonly actor: EventActor;
  readonly requestId: string | null;
  readonly address: string | null;
  readonly newTokenId?: string;
  readonly reason?: string;
  readonly count?: number;
}

/** An event as the database tells it. */
export type ToldEvent = Omit<AccessTokenEvent, 'at'> & { readonly at: number };

export function eventOf(told: ToldEvent): AccessTokenEvent {
  return { ...told, at: new Date(told.at) } as AccessTokenEvent;
}
