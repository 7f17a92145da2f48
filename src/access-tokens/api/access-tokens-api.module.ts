import { Module } from '@nestjs/common';
import { AccessTokensController } from './access-tokens.controller';
import { AccessTokensService } from './access-tokens.service';

/** Renewal and revocation over HTTP, in a separate module: a host that only verifies does not need it. */
@Module({ controllers: [AccessTokensController], providers: [AccessTokensService] })
export class AccessTokensApiModule {}
