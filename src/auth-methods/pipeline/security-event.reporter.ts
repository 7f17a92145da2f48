import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { withinTime } from '../../common/async/within-time';
import { AuditTrail } from '../../changes/audit-trail';
import type { Change } from '../../changes/change';
import { ObservationQueue } from '../../changes/observation.queue';
import { sqlIn } from '../../database/sql-runner';
import { loggable } from '../../common/errors/database-errors';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { SafeLogger } from '../../common/safe-logger';
import { NamedCounts } from '../../common/named-counts';
import { SeldomLog } from '../../common/seldom-log';
import { UnrecordedLoginError } from '../auth-methods.errors';
import { type FailedLogin, type LockedOut, SecurityEvents, type SucceededLogin } from './security-events';

/** How long a transaction, and the rows that it locks, may wait for a success to be recorded. */
const RECORD_MS = 5_000;

/**
 * Hands the events of logins to the audit trail, and to `SecurityEvents`, which may be a host's. Both decide about successes
 * alone: a login whose success cannot be recorded gets no token.
 */
@Injectable()
export class SecurityEventReporter {
  /** Names that were locked, by method, for metrics. */
  readonly locked = new NamedCounts();
  private readonly lost = new SeldomLog(new SafeLogger(SecurityEvents.name));

  constructor(
    private readonly events: SecurityEvents,
    private readonly trail: AuditTrail,
    private readonly observations: ObservationQueue,
  ) {}

  /** @throws UnrecordedLoginError, or the `LatchkeyError` that a host refuses the login with */
  async succeeded(tx: EntityManager, login: SucceededLogin, organizationId: string): Promise<void> {
    await this.trail.record(sqlIn(tx), changeOf(login, organizationId));
    try {
      await withinTime(RECORD_MS, 'Recording a success', async () => this.events.succeeded(tx, login));
    } catch (error) {
      throw error instanceof LatchkeyError ? error : new UnrecordedLoginError(error);
    }
  }

  failed(login: FailedLogin, status: number): void {
    this.observations.add({ type: 'login', outcome: status >= 500 ? 'failed' : 'refused', ...login });
    this.observe('failed', async () => this.events.failed(login));
  }

  lockedOut(lockout: LockedOut): void {
    this.locked.add(lockout.method);
    this.observations.add({ type: 'lockout', outcome: 'refused', reason: 'locked_out', ...lockout });
    this.observe('lockedOut', async () => this.events.lockedOut(lockout));
  }

  /** Begins at once and is not waited for. An `async` function turns what it throws into a rejection as well. */
  private observe(observer: string, report: () => Promise<void>): void {
    report().catch((error: unknown) =>
      this.lost.warn({ event: 'security_event.lost', observer, cause: loggable(error) }),
    );
  }
}

function changeOf({ tokenId, identityId, method, ...rest }: SucceededLogin, organizationId: string): Change {
  const { authMethodId, clientSecretId, ...origin } = rest;
  const details = { authMethod: method, authMethodId, clientSecretId };
  return {
    actor: { tokenId, identityId, organizationId, ...origin },
    action: `login-identity-${method}`,
    targets: [{ type: 'token', id: tokenId, identityId, organizationId, details }],
  };
}
