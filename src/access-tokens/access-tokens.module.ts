import { type ExecutionContext, Global, Module } from '@nestjs/common';
import { PARTY_OF, type PartyOf } from '../common/http/party.interceptor';
import { WatermarkModule } from '../watermark/watermark.module';
import { AccessTokenCache } from './access-token.cache';
import { AccessTokenGuard } from './access-token.guard';
import { AccessTokenIssuer } from './access-token.issuer';
import { AccessTokenKeyring } from './access-token.keyring';
import { AccessTokenVerifier } from './access-token.verifier';
import { TokenRecall } from './recall.service';
import { partyOf } from './party-of';
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
    {
      provide: PARTY_OF,
      inject: [AccessTokenVerifier],
      useFactory: (verifier: AccessTokenVerifier): PartyOf => {
        return (context: ExecutionContext) => partyOf(verifier, context);
      },
    },
  ],
  exports: [
    AccessTokenKeyring,
    AccessTokenIssuer,
    AccessTokenVerifier,
    AccessTokenCache,
    AccessTokenGuard,
    TokenFactsReader,
    TokenRecall,
    PARTY_OF,
  ],
})
export class AccessTokensModule {}
