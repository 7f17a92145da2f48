import { Module } from '@nestjs/common';
import { AccessTokensController } from './access-tokens.controller';
import { TokenRenewalsService } from './token-renewals.service';
import { TokenRevocationsService } from './token-revocations.service';

/** Renewal and revocation over HTTP, in a separate module: a host that only verifies does not need it. */
@Module({ controllers: [AccessTokensController], providers: [TokenRenewalsService, TokenRevocationsService] })
export class AccessTokensApiModule {}
