import { Body, Controller, Post } from '@nestjs/common';
import { AccessTokens, MachineIdentities } from 'latchkey';
import { DataSource } from 'typeorm';
import { Customer } from './customer.entity.js';

@Controller('customers')
export class CustomersController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly identities: MachineIdentities,
    private readonly tokens: AccessTokens,
  ) {}

  /** A new customer and its first key, or neither: all of it is one transaction. */
  @Post()
  signUp(@Body() { name }: { name: string }) {
    return this.dataSource.transaction(async (manager) => {
      const { organizationId } = await this.identities.createOrganization({ name }, { manager });
      await manager.insert(Customer, { id: organizationId, name });
      const owner = { organizationId, name: 'owner', role: 'admin' as const };
      const { identityId } = await this.identities.create(owner, { manager });
      const { accessToken } = await this.tokens.issue({ identityId, name: 'first key' }, { manager });
      return { customerId: organizationId, key: accessToken };
    });
  }
}
