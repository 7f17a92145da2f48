import { Injectable } from '@nestjs/common';
import { SafeLogger } from '../common/safe-logger';
import type { SqlRunner } from '../database/sql-runner';
import type { Change, ChangeAttempt, ChangeTarget } from './change';
import type { Lockout, Observation, UnsuccessfulLogin } from './observation';

/** The one place for an audit log. It hears of every change and login, and of requests and logins that got nothing. */
export abstract class AuditTrail {
  /**
   * Records a change, or a login that is about to get its token. It runs in the transaction of the change, just before the
   * commit. Rows that it writes are committed with the change. If it throws, the change is rolled back.
   */
  abstract record(run: SqlRunner, change: Change): Promise<void>;

  /**
   * Records requests and logins that changed nothing. It runs after their answers, for many of them together. No request waits
   * for it, and an error here changes no answer.
   *
   * @param missed how many further observations were lost since the last call: memory was full, or a call failed.
   */
  abstract observe(observations: readonly Observation[], missed: number): Promise<void>;
}

/** Writes changes and observations to the log, at the level for debugging. */
@Injectable()
export class LoggingAuditTrail extends AuditTrail {
  private readonly logger = new SafeLogger('AuditTrail');

  record(_run: SqlRunner, { actor, action, targets }: Change): Promise<void> {
    this.logger.debug({ event: 'change.made', action, ...described(actor), targets: targets.map(withoutDetails) });
    return Promise.resolve();
  }

  observe(observations: readonly Observation[], missed: number): Promise<void> {
    for (const one of observations) {
      const { type, outcome, reason } = one;
      const act = type === 'request' ? { ...described(one.actor), operation: one.operation } : loginOf(one);
      this.logger.debug({ event: `${type}.${outcome}`, reason, ...act });
    }
    if (missed > 0) this.logger.warn({ event: 'audit.missed', missed });
    return Promise.resolve();
  }
}

/** Ids only, because names belong to the tenants. */
function described(actor: ChangeAttempt['actor']): object {
  if (typeof actor === 'string') return { actor };
  const { address, requestId: reqId } = actor;
  if ('program' in actor) return { actor: actor.program, address, reqId };
  const { identityId, tokenId } = 'caller' in actor ? actor.caller : actor;
  return { actor: { identityId, tokenId }, address, reqId };
}

function loginOf({ method, authMethodId, address, requestId }: UnsuccessfulLogin | Lockout): object {
  return { method, authMethodId, address, reqId: requestId };
}

function withoutDetails({ details: _details, ...ids }: ChangeTarget): ChangeTarget {
  return ids;
}
