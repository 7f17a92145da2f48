import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { Documented, type OperationDocs } from './documented.decorator';
import { PartyInterceptor } from './party.interceptor';

export const PUBLIC_ROUTE = 'latchkey:public-route';

/** A route that needs no credential. An Authorization header is ignored (decision 6). */
export function PublicRoute(docs: OperationDocs): MethodDecorator {
  return applyDecorators(
    SetMetadata(PUBLIC_ROUTE, true),
    ...(docs.isFromMemory ? [] : [UseInterceptors(PartyInterceptor)]),
    Documented({ ...docs, isPublic: true }),
  );
}
