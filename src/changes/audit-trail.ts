import { Injectable } from '@nestjs/common';
import { SafeLogger } from '../common/safe-logger';
import type { SqlRunner } from '../database/sql-runner';
import type { Change, ChangeAttempt } from './change';

/**
 * Is told of every change, in its transaction and just before the commit: what it writes there is written if the change is, and
 * when it fails, so does the change. The one place for an audit log.
 */
export abstract class AuditTrail {
  abstract record(run: SqlRunner, change: Change): Promise<void>;
}

/** Writes changes to the log, for those who debug. */
@Injectable()
export class LoggingAuditTrail extends AuditTrail {
  private readonly logger = new SafeLogger('AuditTrail');

  record(_run: SqlRunner, { actor, action, target }: Change): Promise<void> {
    this.logger.debug({ event: 'change.made', action, ...described(actor), target });
    return Promise.resolve();
  }
}

/** Ids only: names are the tenants' own. */
function described(actor: ChangeAttempt['actor']): object {
  if (typeof actor === 'string') return { actor };
  const { identityId, tokenId } = 'caller' in actor ? actor.caller : actor;
  const { address, requestId } = actor;
  return { actor: { identityId, tokenId }, address, reqId: requestId };
}
