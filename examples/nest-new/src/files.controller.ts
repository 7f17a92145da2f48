import { Controller, Get, Post } from '@nestjs/common';
import { Caller, RequirePermission, type VerifiedAccessToken } from 'latchkey';

/** The API itself, which customers call with their keys. */
@Controller('files')
export class FilesController {
  @Get()
  @RequirePermission('read', 'files')
  list(@Caller() { organization, tokenName }: VerifiedAccessToken) {
    return { customer: organization.externalId, readWith: tokenName, files: ['contract.pdf'] };
  }

  @Post()
  @RequirePermission('write', 'files')
  write() {
    return { written: true };
  }
}
