import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  HttpException,
  Injectable,
  type NestInterceptor,
  SetMetadata,
  UseInterceptors,
} from '@nestjs/common';
import { type Observable, tap } from 'rxjs';
import { ObservationQueue } from '../../changes/observation.queue';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { HOST_EVENT_TYPE, isHostEventType } from '../../common/host-event-type';
import { AccessTokenVerifier } from '../verification/access-token.verifier';
import type { VerifiedAccessToken } from '../verification/verified-access-token';
import { originOfRequest } from './actor.decorator';
import { originOf } from './call-origin';
import { callerOf } from './caller.decorator';

const AUDITED = 'latchkey:audited';

type Ending = { readonly outcome: 'success' } | { readonly outcome: 'refused' | 'failed'; readonly reason: string };

/** Notes each request to a handler, after it was handled. To note costs no query, and can neither fail nor wait. */
@Injectable()
export class AuditedRequests implements NestInterceptor {
  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly observations: ObservationQueue,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { subject } = originOf(context);
    const caller = callerOf(subject);
    // Without a caller there is no organization whose log could show it.
    if (caller === null) return next.handle();
    const note = (ending: Ending) => this.note(context, caller, ending);
    const complete = () => note({ outcome: 'success' });
    return next.handle().pipe(tap({ complete, error: (error: unknown) => note(endingOf(error)) }));
  }

  private note(context: ExecutionContext, caller: VerifiedAccessToken, ending: Ending): void {
    const { subject, request } = originOf(context);
    const event = Reflect.getMetadata(AUDITED, context.getHandler()) as string;
    const operation = `${context.getClass().name}_${context.getHandler().name}`;
    const { params = {} } = request as { params?: Record<string, string> };
    const actor = { caller, ...originOfRequest(this.verifier, request, subject) };
    this.observations.add({ type: 'request', operation, event, ids: params, actor, ...ending } as const);
  }
}

/**
 * Records each request to a guarded handler in the audit log of the caller's organization: `@Audited('reports.download')`. The
 * event is written after the answer, in batches, with the caller, the address, the outcome, and the ids in the path. A request
 * without a caller is not recorded, and neither is one that a guard refuses. A node that is killed loses the events of the last
 * second: for an event that must not be lost, call `AuditTrail.record`.
 *
 * @param type a prefix of the host, a dot and a name, in lower case.
 * @throws TypeError for another type.
 */
export function Audited(type: string): MethodDecorator {
  if (!isHostEventType(type)) throw new TypeError(`Audited takes ${HOST_EVENT_TYPE}`);
  return applyDecorators(SetMetadata(AUDITED, type), UseInterceptors(AuditedRequests));
}

function endingOf(error: unknown): Ending {
  if (!(error instanceof HttpException)) return { outcome: 'failed', reason: 'unexpected' };
  const status = error.getStatus();
  const reason = error instanceof LatchkeyError ? error.errorCode : `http_${status}`;
  return { outcome: status >= 500 ? 'failed' : 'refused', reason };
}
