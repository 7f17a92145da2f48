import { Body, Controller, Delete, Get, NotFoundException, Param, Post, Query, UseGuards } from '@nestjs/common';
import { AccessTokens } from 'latchkey';
import { type Customer, SessionGuard, SignedIn } from './session.js';

/** The page "API keys" of a customer. */
@Controller('api-keys')
@UseGuards(SessionGuard)
export class ApiKeysController {
  constructor(private readonly tokens: AccessTokens) {}

  @Post()
  async create(
    @SignedIn() { identityId }: Customer,
    @Body() body: { name: string; canWrite?: boolean; days?: number },
  ) {
    const permissions = { files: body.canWrite ? ['read', 'write'] : ['read'] };
    const expiresAt = body.days ? new Date(Date.now() + body.days * 86_400_000) : null; // null: never
    const issued = await this.tokens.issue({ identityId, name: body.name, permissions, expiresAt });
    return { id: issued.tokenId, key: issued.accessToken }; // Only this answer has the key.
  }

  @Get()
  list(@SignedIn() { identityId }: Customer, @Query('cursor') cursor?: string) {
    return this.tokens.list({ identityId, cursor });
  }

  @Post(':id/rotate')
  async rotate(@SignedIn() { organizationId }: Customer, @Param('id') id: string) {
    const { tokenId, accessToken } = await this.tokens.rotate(id, { graceSeconds: 604_800 }, { organizationId });
    return { id: tokenId, key: accessToken };
  }

  @Delete(':id')
  async revoke(@SignedIn() { organizationId }: Customer, @Param('id') id: string) {
    // The id comes from outside: only a key of this customer is found.
    if (!(await this.tokens.revoke(id, { organizationId }))) throw new NotFoundException();
  }
}
