import { applyDecorators, UseGuards, UseInterceptors } from '@nestjs/common';
import { AddressLimitGuard } from './address-limit.guard';
import { Documented, type OperationDocs } from './documented.decorator';
import { PartyInterceptor } from './party.interceptor';

/** A route that needs no credential. An Authorization header is ignored (decision 6). */
export function PublicRoute(docs: OperationDocs): MethodDecorator {
  return applyDecorators(
    // Probes are answered from memory, and are not limited.
    ...(docs.isFromMemory ? [] : [UseGuards(AddressLimitGuard), UseInterceptors(PartyInterceptor)]),
    Documented({ ...docs, isPublic: true }),
  );
}
