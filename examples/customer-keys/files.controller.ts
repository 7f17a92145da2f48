import { Controller, Get, Post } from '@nestjs/common';
import { Authorized, Caller, type VerifiedAccessToken } from 'latchkey';

/** The API itself, which customers call with their keys. */
@Controller('files')
export class FilesController {
  @Get()
  @Authorized('files:read')
  list(@Caller() { organization, tokenName }: VerifiedAccessToken) {
    return { customer: organization.externalId, readWith: tokenName, files: ['contract.pdf'] };
  }

  @Post()
  @Authorized('files:write')
  write() {
    return { written: true };
  }
}
