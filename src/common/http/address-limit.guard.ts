import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';

/** Counts a request against the limits of its address. The guarding module provides it: it knows the address and the limits. */
export const ADMIT_ADDRESS = Symbol('admit an address');
export type AdmitAddress = (context: ExecutionContext) => void;

/** Holds a public route of Latchkey to the limits of the address. */
@Injectable()
export class AddressLimitGuard implements CanActivate {
  constructor(@Inject(ADMIT_ADDRESS) private readonly admit: AdmitAddress) {}

  canActivate(context: ExecutionContext): boolean {
    this.admit(context);
    return true;
  }
}
