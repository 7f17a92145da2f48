import { Global, Module } from '@nestjs/common';
import { WatermarkModule } from '../watermark/watermark.module';
import { AccessTokenCache } from './access-token.cache';
import { AccessTokenGuard } from './access-token.guard';
import { AccessTokenIssuer } from './access-token.issuer';
import { AccessTokenKeyring } from './access-token.keyring';
import { AccessTokenVerifier } from './access-token.verifier';
import { TokenRecall } from './recall.service';
import { TokenFactsReader } from './token-facts';
import { UseCounter } from './use-counter';
import { UseLimits } from './use-limits';

/** The gate: issues access tokens and tells whether one is good. Global, so that any route can be guarded. */
@Global()
@Module({
  imports: [WatermarkModule],
  providers: [
    AccessTokenKeyring,
    AccessTokenCache,
    AccessTokenIssuer,
    AccessTokenVerifier,
    AccessTokenGuard,
    TokenFactsReader,
    TokenRecall,
    UseCounter,
    UseLimits,
  ],
  exports: [
    AccessTokenKeyring,
    AccessTokenIssuer,
    AccessTokenVerifier,
    AccessTokenCache,
    AccessTokenGuard,
    TokenFactsReader,
    TokenRecall,
  ],
})
export class AccessTokensModule {}
