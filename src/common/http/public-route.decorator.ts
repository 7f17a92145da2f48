import { applyDecorators, SetMetadata } from '@nestjs/common';
import { Documented, type OperationDocs } from './documented.decorator';

export const PUBLIC_ROUTE = 'latchkey:public-route';

/** A route anybody may call. An Authorization header is not even looked at (decisions 6). */
export function PublicRoute(docs: OperationDocs): MethodDecorator {
  return applyDecorators(SetMetadata(PUBLIC_ROUTE, true), Documented({ ...docs, isPublic: true }));
}
