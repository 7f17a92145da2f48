import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { AdmitAddress } from '../../common/http/address-limit.guard';
import type { AddressedRequest } from '../../common/net/client-address';
import type { RateStanding } from '../issuing/rate-standing';
import type { AccessTokenVerifier } from '../verification/access-token.verifier';
import { ratesOf } from '../verification/caller';
import { stateOf } from '../verification/request-state';
import { RequestLimitsService } from './request-limits.service';
import { tellRates } from './transport-errors';

/** For the guard of public routes. */
export function admittingAddresses(limits: RequestLimitsService, verifier: AccessTokenVerifier): AdmitAddress {
  return (context) => {
    const request = context.switchToHttp().getRequest<AddressedRequest>();
    tell(
      context,
      limits.admitAddress(() => verifier.addressOf(request)),
    );
  };
}

/** Holds a management route of Latchkey to the limits of the caller, which a guard before has verified. */
@Injectable()
export class CallerLimitGuard implements CanActivate {
  constructor(private readonly limits: RequestLimitsService) {}

  canActivate(context: ExecutionContext): boolean {
    const { caller } = stateOf(context.switchToHttp().getRequest<object>());
    if (!caller) return true;
    const standings = this.limits.admitCaller(caller.identityId);
    // The limits of its key are the caller's own, and are told already.
    if (ratesOf(caller) === undefined) tell(context, standings);
    return true;
  }
}

function tell(context: ExecutionContext, standings: readonly RateStanding[]): void {
  if (standings.length > 0) tellRates(context, standings);
}
