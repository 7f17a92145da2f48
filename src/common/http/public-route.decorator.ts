import { applyDecorators, UseInterceptors } from '@nestjs/common';
import { Documented, type OperationDocs } from './documented.decorator';
import { PartyInterceptor } from './party.interceptor';

/** A route that needs no credential. An Authorization header is ignored (decision 6). */
export function PublicRoute(docs: OperationDocs): MethodDecorator {
  return applyDecorators(
    ...(docs.isFromMemory ? [] : [UseInterceptors(PartyInterceptor)]),
    Documented({ ...docs, isPublic: true }),
  );
}
