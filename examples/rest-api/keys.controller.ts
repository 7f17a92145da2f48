import { Body, Controller, Delete, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { AccessTokens, Authorized, Caller, MachineIdentities, type VerifiedAccessToken } from 'latchkey';

/** A customer's keys, managed with a key. */
@Controller('keys')
@Authorized('keys:manage')
export class KeysController {
  constructor(
    private readonly identities: MachineIdentities,
    private readonly tokens: AccessTokens,
  ) {}

  /** A key that reads invoices for a day, from anywhere or from the addresses given. */
  @Post()
  async create(
    @Caller('organization') { id: organizationId }: VerifiedAccessToken['organization'],
    @Body() { name, from }: { name: string; from?: string[] },
  ) {
    const accessTokenTrustedIps = from?.map((ipAddress) => ({ ipAddress }));
    const tokenAuth = { accessTokenTTL: 86_400, ...(accessTokenTrustedIps && { accessTokenTrustedIps }) };
    const { identityId } = await this.identities.create({ organizationId, name, role: 'member', tokenAuth });
    const { tokenId, accessToken, expiresAt } = await this.tokens.issue({ identityId, name });
    return { id: tokenId, key: accessToken, expiresAt };
  }

  @Delete(':id')
  @HttpCode(204)
  async revoke(
    @Caller('organization') { id: organizationId }: VerifiedAccessToken['organization'],
    @Param('id') id: string,
  ) {
    // The id comes from outside: only a key of this customer is found.
    if (!(await this.tokens.revoke(id, { organizationId }))) throw new NotFoundException();
  }
}
