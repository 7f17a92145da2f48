import { Controller, Get } from '@nestjs/common';
import { Authorized, Caller, type VerifiedAccessToken } from 'latchkey';

@Controller('invoices')
export class InvoicesController {
  @Get()
  @Authorized('invoices:read')
  list(@Caller() { organization, tokenName }: VerifiedAccessToken) {
    return { customer: organization.name, readWith: tokenName, invoices: [{ number: 1, total: 42 }] };
  }
}
