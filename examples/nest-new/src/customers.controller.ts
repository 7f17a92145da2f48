import { Body, Controller, Post } from '@nestjs/common';
import { MachineIdentities } from 'latchkey';

@Controller('customers')
export class CustomersController {
  constructor(private readonly identities: MachineIdentities) {}

  /** A customer signs up: an organization, and an identity that holds its keys. */
  @Post()
  async signUp(@Body() { id, name }: { id: string; name: string }) {
    const { organizationId } = await this.identities.createOrganization({ name, externalId: id });
    await this.identities.create({ organizationId, name: 'API keys' });
    return { id };
  }
}
