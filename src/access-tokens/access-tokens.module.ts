import { type ExecutionContext, Global, Module } from '@nestjs/common';
import { PARTY_OF, type PartyOf } from '../common/http/party.interceptor';
import { ADMIT_ADDRESS } from '../common/http/address-limit.guard';
import { ON_READ, ON_REFUSAL } from '../common/http/observed-call';
import { CallerStanding } from '../changes/caller-standing';
import { ObservationQueue } from '../changes/observation.queue';
import { ChangeFeedModule } from '../change-feed/change-feed.module';
import { AccessTokenCache } from './verification/access-token.cache';
import { AccessTokenGuard } from './guarding/access-token.guard';
import { AccessTokenIssuer } from './issuing/access-token.issuer';
import { AccessTokenStore } from './issuing/access-token.store';
import { AccessTokenKeyring } from './issuing/access-token.keyring';
import { KeyStore } from './issuing/key.store';
import { RotationStore } from './issuing/rotation.store';
import { TokenRotationService } from './issuing/token-rotation.service';
import { TokenSuccession } from './verification/token-succession';
import { AccessTokenVerifier } from './verification/access-token.verifier';
import { TokenRecallService } from './issuing/token-recall.service';
import { partyOf } from './guarding/party-of';
import { observingReads, observingRefusals } from './guarding/request-observations';
import { admittingAddresses, CallerLimitGuard } from './guarding/request-limit.guards';
import { RequestLimitsService } from './guarding/request-limits.service';
import { ShortKeyring } from './issuing/short-key.keyring';
import { TokenHandout } from './issuing/token-handout';
import { CallerReverification } from './verification/caller-reverification';
import { KeyRehasher } from './verification/key-rehasher';
import { TokenFactsReader } from './verification/token-facts.reader';
import { UsageCounter } from './usage/usage.counter';
import { UsageLimiter } from './usage/usage.limiter';

/** Issues access tokens and verifies them. The module is global, so that any route can be guarded. */
@Global()
@Module({
  imports: [ChangeFeedModule],
  providers: [
    AccessTokenKeyring,
    ShortKeyring,
    TokenHandout,
    KeyRehasher,
    AccessTokenCache,
    AccessTokenIssuer,
    AccessTokenStore,
    KeyStore,
    RotationStore,
    TokenRotationService,
    TokenSuccession,
    AccessTokenVerifier,
    AccessTokenGuard,
    CallerLimitGuard,
    RequestLimitsService,
    TokenFactsReader,
    TokenRecallService,
    UsageCounter,
    UsageLimiter,
    { provide: CallerStanding, useClass: CallerReverification },
    { provide: ADMIT_ADDRESS, inject: [RequestLimitsService, AccessTokenVerifier], useFactory: admittingAddresses },
    { provide: ON_REFUSAL, inject: [AccessTokenVerifier, ObservationQueue], useFactory: observingRefusals },
    { provide: ON_READ, inject: [AccessTokenVerifier, ObservationQueue], useFactory: observingReads },
    {
      provide: PARTY_OF,
      inject: [AccessTokenVerifier],
      useFactory: (verifier: AccessTokenVerifier): PartyOf => {
        return (context: ExecutionContext) => partyOf(verifier, context);
      },
    },
  ],
  exports: [
    CallerStanding,
    ADMIT_ADDRESS,
    ON_REFUSAL,
    ON_READ,
    AccessTokenKeyring,
    ShortKeyring,
    TokenHandout,
    AccessTokenIssuer,
    AccessTokenStore,
    KeyStore,
    TokenRotationService,
    AccessTokenVerifier,
    AccessTokenCache,
    AccessTokenGuard,
    RequestLimitsService,
    TokenFactsReader,
    TokenRecallService,
    PARTY_OF,
  ],
})
export class AccessTokensModule {}
