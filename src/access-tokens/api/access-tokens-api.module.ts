import { Module } from '@nestjs/common';
import { AccessTokensController } from './access-tokens.controller';
import { AccessTokensService } from './access-tokens.service';

/** Renewing and revoking over HTTP, apart from the gate: a host that only verifies does without. */
@Module({ controllers: [AccessTokensController], providers: [AccessTokensService] })
export class AccessTokensApiModule {}
