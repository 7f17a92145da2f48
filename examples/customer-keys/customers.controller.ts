import { Body, Controller, Inject, Post } from '@nestjs/common';
import { MachineIdentities } from 'latchkey';
import { pool, type PoolService } from './pool.js';

@Controller('customers')
export class CustomersController {
  constructor(
    @Inject(pool) private readonly database: PoolService,
    private readonly identities: MachineIdentities,
  ) {}

  /** A customer, with an organization and an identity for its keys: all of it, or nothing. */
  @Post()
  signUp(@Body() { id, name }: { id: string; name: string }) {
    return this.database.transaction(async (client) => {
      const { organizationId } = await this.identities.createOrganization({ name, externalId: id }, { client });
      const { identityId } = await this.identities.create({ organizationId, name: 'API keys' }, { client });
      await client.query('INSERT INTO customers VALUES ($1, $2, $3)', [id, organizationId, identityId]);
      return { id };
    });
  }
}
