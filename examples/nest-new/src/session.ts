import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { MachineIdentities } from 'latchkey';

/** The customer who is signed in, by the ids under which Latchkey knows them. */
export interface Customer {
  readonly organizationId: string;
  readonly identityId: string;
}

interface SessionRequest {
  headers: Record<string, string | undefined>;
  customer?: Customer;
}

/** Stands for your own login: here, a header says which customer is signed in. Yours reads a session or a cookie. */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(private readonly identities: MachineIdentities) {}

  async canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<SessionRequest>();
    request.customer = await this.customer(request.headers['x-signed-in']);
    if (request.customer === undefined) throw new UnauthorizedException();
    return true;
  }

  private async customer(externalId?: string): Promise<Customer | undefined> {
    const organization = externalId ? await this.identities.findOrganization({ externalId }) : null;
    if (organization === null) return undefined;
    const { identities } = await this.identities.list({ organizationId: organization.organizationId });
    return identities.find(({ name }) => name === 'API keys');
  }
}

/** Injects the customer who is signed in. */
export const SignedIn = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<SessionRequest>().customer,
);
