import { Module } from '@nestjs/common';
import { hostNames, type Resolve } from '../../common/net/host-names';
import { OutboundHttp } from '../../common/net/outbound-http';
import { databaseEndpoints } from '../../database/connections/database-endpoints';
import { LatchkeySettings } from '../../latchkey.options';
import { DiscoveryCache } from './discovery.cache';
import type { DocumentSettings } from './document.cache';
import { JwksCache } from './jwks.cache';

const documents = ({ keySetMaxAgeMs, keySetCooldownMs }: LatchkeySettings): DocumentSettings => ({
  maxAgeMs: keySetMaxAgeMs,
  cooldownMs: keySetCooldownMs,
});

/** How the hosts of tenants' URLs are resolved. */
export const RESOLVE = Symbol('Resolve');

/** The providers that methods with signed tokens share: the way out, and what issuers publish. */
@Module({
  providers: [
    { provide: RESOLVE, useFactory: () => hostNames() },
    {
      provide: OutboundHttp,
      inject: [LatchkeySettings, RESOLVE],
      useFactory: (settings: LatchkeySettings, resolve: Resolve) => {
        const { outboundAllow: allow, outboundTimeoutMs: timeoutMs } = settings;
        return new OutboundHttp({ allow, timeoutMs, own: databaseEndpoints(settings), resolve });
      },
    },
    {
      provide: JwksCache,
      inject: [OutboundHttp, LatchkeySettings],
      useFactory: (http: OutboundHttp, settings: LatchkeySettings) => new JwksCache(http, documents(settings)),
    },
    {
      provide: DiscoveryCache,
      inject: [OutboundHttp, LatchkeySettings],
      useFactory: (http: OutboundHttp, settings: LatchkeySettings) => new DiscoveryCache(http, documents(settings)),
    },
  ],
  exports: [OutboundHttp, JwksCache, DiscoveryCache],
})
export class FederationModule {}
