import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { loggable } from '../../common/errors/database-errors';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { SafeLogger } from '../../common/safe-logger';
import { SeldomLog } from '../../common/seldom-log';
import { UnrecordedLoginError } from '../auth-methods.errors';
import { type FailedLogin, type LockedOut, SecurityEvents, type SucceededLogin } from './security-events';

/** How long a transaction, and the rows that it locks, may wait for a success to be recorded. */
const RECORD_MS = 5_000;

/** Hands events to `SecurityEvents`, which may be a host's: what happens there decides about successes alone. */
@Injectable()
export class SecurityEventReporter {
  private readonly lost = new SeldomLog(new SafeLogger(SecurityEvents.name));

  constructor(private readonly events: SecurityEvents) {}

  /** @throws UnrecordedLoginError, or the `LatchkeyError` that a host refuses the login with */
  async succeeded(tx: EntityManager, login: SucceededLogin): Promise<void> {
    try {
      await withinTime(async () => this.events.succeeded(tx, login));
    } catch (error) {
      throw error instanceof LatchkeyError ? error : new UnrecordedLoginError(error);
    }
  }

  failed(login: FailedLogin): void {
    this.observe('failed', async () => this.events.failed(login));
  }

  lockedOut(lockout: LockedOut): void {
    this.observe('lockedOut', async () => this.events.lockedOut(lockout));
  }

  /** Begins at once and is not waited for. An `async` function turns what it throws into a rejection as well. */
  private observe(observer: string, report: () => Promise<void>): void {
    report().catch((error: unknown) =>
      this.lost.warn({ event: 'security_event.lost', observer, cause: loggable(error) }),
    );
  }
}

async function withinTime(work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`A success was not recorded within ${RECORD_MS} ms`)), RECORD_MS);
  });
  try {
    await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
