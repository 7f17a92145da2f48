import { Module } from '@nestjs/common';
import { OutboundHttp } from '../../common/net/outbound-http';
import { LatchkeySettings } from '../../latchkey.options';
import { JwksCache } from './jwks.cache';

/** The providers that methods with signed tokens share: the way out, and the keys of issuers. */
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
      useFactory: (http: OutboundHttp, { keySetMaxAgeMs, keySetCooldownMs }: LatchkeySettings) =>
        new JwksCache(http, { maxAgeMs: keySetMaxAgeMs, cooldownMs: keySetCooldownMs }),
    },
  ],
  exports: [OutboundHttp, JwksCache],
})
export class FederationModule {}
