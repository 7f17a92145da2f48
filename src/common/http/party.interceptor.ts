import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { onBehalfOf, type Party } from '../async/query-context';

/** Names the party that a call counts for. The guarding module provides it, because only that module knows the caller. */
export const PARTY_OF = Symbol('party of a call');
export type PartyOf = (context: ExecutionContext) => Party;

/** Counts everything that a route of Latchkey asks of the database for its caller. */
@Injectable()
export class PartyInterceptor implements NestInterceptor {
  constructor(@Inject(PARTY_OF) private readonly partyOf: PartyOf) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const party = this.partyOf(context);
    return defer(() => onBehalfOf(party, () => lastValueFrom(next.handle(), { defaultValue: undefined })));
  }
}
