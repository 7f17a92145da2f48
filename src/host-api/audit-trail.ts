import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { eventOfHost } from '../audit-log/audit-event';
import { AuditLogFollower } from '../audit-log/followers/audit-log.follower';
import type { LoggedEvent } from '../audit-log/logged-event';
import { appendEvents } from '../audit-log/audit-log.store';
import type { RequestOrigin } from '../common/http/request-origin';
import type { SqlRunner } from '../database/sql-runner';
import { requireEventType, requireIdOrNone, requireMetadata, requireTextOrNone } from './audit-input';
import { type ChangeOptions, HostTransactionService } from './host-transaction.service';
import { requireKnown } from './input';

/** An event of a host. */
export interface NewAuditEvent {
  /** A prefix of the host, a dot and a name, in lower case: `billing.invoice-paid`. 100 characters at most. */
  readonly type: string;
  /** The organization whose log shows it. @default that of the caller */
  readonly organizationId?: string;
  /** The one who acted, as `@Caller()` injects it. @default the host itself */
  readonly caller?: VerifiedAccessToken;
  /** Where the request came from, as far as it is to be recorded. */
  readonly origin?: Partial<RequestOrigin>;
  /** An identity, and a token, that the event is about: the log finds events by them. */
  readonly identityId?: string;
  readonly tokenId?: string;
  /** @default 'success' */
  readonly outcome?: 'success' | 'refused' | 'failed';
  /** Why it did not succeed, in a word. 100 characters at most. */
  readonly reason?: string;
  /** Ids, names and settings as JSON, 16,384 bytes at most. Never a token or a secret. @default {} */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const FIELDS = ['type', 'organizationId', 'caller', 'origin', 'identityId', 'tokenId', 'outcome', 'reason', 'metadata'];
const OUTCOMES = ['success', 'refused', 'failed'];

/** Records events of a host in the audit log: sealed, exported and streamed like those of Latchkey. */
@Injectable()
export class AuditTrail {
  constructor(
    private readonly transaction: HostTransactionService,
    private readonly follower: AuditLogFollower,
  ) {}

  /**
   * Records an event. With `manager`, `client` or `query` it is part of the host's transaction: there is no event without its
   * change, and no change without its event.
   *
   * @throws TypeError for an event that cannot be recorded, or that looks as if it held a credential; DatabaseUnavailableError.
   */
  async record(event: NewAuditEvent, options: ChangeOptions = {}): Promise<{ readonly eventId: string }> {
    requireKnown('record', event, FIELDS);
    const known = knownOf(event);
    const eventId = randomUUID();
    await this.transaction.run(options, async (run) => {
      if (event.caller === undefined) await requireOrganization(run, known.organizationId);
      await appendEvents(run, [eventOfHost({ id: eventId, ...known })]);
    });
    return { eventId };
  }

  /**
   * Hands every event of every organization to a handler in this process, after its commit, in the order of the commits, and up to 100
   * at a time. It begins with the present; under a name that was used before, where that stopped. One process at a time hands events
   * over, at least once: recognise those that come twice by their `id`. When the handler throws, or takes longer than ten seconds, the
   * same events come again after a pause of up to ten minutes, and later ones wait.
   *
   * @param name of the place that is kept in the database: 1 to 63 letters from a to z, digits and hyphens.
   * @returns a function that ends it. The place is kept.
   * @throws TypeError for another name, and for one that this process uses already.
   */
  subscribe(name: string, handler: (events: readonly LoggedEvent[]) => unknown): () => void {
    if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,62}$/.test(name))
      throw new TypeError('name must be like siem-copy');
    if (typeof handler !== 'function') throw new TypeError('handler must be a function');
    return this.follower.follow(name, handler);
  }
}

/** @throws TypeError */
function knownOf({ type, caller, origin = {}, outcome = 'success', metadata = {}, ...rest }: NewAuditEvent) {
  if (!OUTCOMES.includes(outcome)) throw new TypeError(`outcome must be one of ${OUTCOMES.join(', ')}`);
  return {
    type: requireEventType(type),
    organizationId: organizationOf(caller, rest.organizationId),
    caller,
    origin: {
      address: requireTextOrNone('origin.address', origin.address, 64) ?? undefined,
      requestId: requireTextOrNone('origin.requestId', origin.requestId, 200) ?? undefined,
      userAgent: origin.userAgent === undefined ? undefined : String(origin.userAgent),
    },
    identityId: requireIdOrNone('identityId', rest.identityId),
    tokenId: requireIdOrNone('tokenId', rest.tokenId),
    outcome,
    reason: requireTextOrNone('reason', rest.reason, 100),
    metadata: requireMetadata(metadata),
  };
}

function organizationOf(caller: VerifiedAccessToken | undefined, given: string | undefined): string {
  const own = caller?.organization.id;
  const id = requireIdOrNone('organizationId', given) ?? own;
  if (id === undefined) throw new TypeError('record must be given organizationId or caller');
  if (own !== undefined && own !== id) throw new TypeError('organizationId must be that of the caller');
  return id;
}

/** A typing error must not send events to a log that is shown to no one. @throws TypeError */
async function requireOrganization(run: SqlRunner, id: string): Promise<void> {
  const found = await run('SELECT 1 AS found FROM latchkey.organizations WHERE id = $1::uuid', [id]);
  if (found.length === 0) throw new TypeError('organizationId is not the id of an organization');
}
