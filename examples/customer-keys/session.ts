import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { pool, type PoolService } from './pool.js';

/** The customer who is signed in, by the ids under which Latchkey knows them. */
export interface Customer {
  readonly organizationId: string;
  readonly identityId: string;
}

interface Request {
  headers: Record<string, string | undefined>;
  customer?: Customer;
}

/** Stands for your own login: here, a header says which customer is signed in. Yours reads a session or a cookie. */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(@Inject(pool) private readonly database: PoolService) {}

  async canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<Request>();
    request.customer = await this.database.customer(request.headers['x-signed-in'] ?? '');
    if (request.customer === undefined) throw new UnauthorizedException();
    return true;
  }
}

/** Injects the customer who is signed in. */
export const SignedIn = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<Request>().customer,
);
