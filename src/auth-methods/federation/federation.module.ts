import { Module } from '@nestjs/common';
import { OutboundHttp } from '../../common/net/outbound-http';
import { LatchkeySettings } from '../../latchkey.options';
import { DiscoveryCache } from './discovery.cache';
import type { DocumentSettings } from './document.cache';
import { JwksCache } from './jwks.cache';

const documents = ({ keySetMaxAgeMs, keySetCooldownMs }: LatchkeySettings): DocumentSettings => ({
  maxAgeMs: keySetMaxAgeMs,
  cooldownMs: keySetCooldownMs,
});

/** The providers that methods with signed tokens share: the way out, and what issuers publish. */
@Module({
  providers: [
    {
      provide: OutboundHttp,
      inject: [LatchkeySettings],
      useFactory: ({ outboundAllow: allow, outboundTimeoutMs: timeoutMs }: LatchkeySettings) =>
        new OutboundHttp({ allow, timeoutMs }),
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
