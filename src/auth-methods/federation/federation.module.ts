import { Module } from '@nestjs/common';
import { hostNames, type Resolve } from '../../common/net/host-names';
import { IpNetwork } from '../../common/net/ip-network';
import { OutboundHttp } from '../../common/net/outbound-http';
import { databaseEndpoints } from '../../database/connections/database-endpoints';
import { LatchkeySettings } from '../../latchkey.options';
import { DiscoveryCache } from './discovery.cache';
import { documentSettings } from './document-settings';
import { JwksCache } from './jwks.cache';
import { OperatorHttp } from './operator-http';

/** How the hosts of tenants' URLs are resolved. */
export const RESOLVE = Symbol('Resolve');

const EVERYWHERE = ['0.0.0.0/0', '::/0'].map((text) => IpNetwork.parse(text)!);

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
      provide: OperatorHttp,
      inject: [LatchkeySettings],
      useFactory: (settings: LatchkeySettings) => {
        const { outboundTimeoutMs: timeoutMs } = settings;
        return new OperatorHttp({ allow: EVERYWHERE, timeoutMs, own: databaseEndpoints(settings), isOperators: true });
      },
    },
    {
      provide: JwksCache,
      inject: [OutboundHttp, LatchkeySettings],
      useFactory: (http: OutboundHttp, settings: LatchkeySettings) => new JwksCache(http, documentSettings(settings)),
    },
    {
      provide: DiscoveryCache,
      inject: [OutboundHttp, LatchkeySettings],
      useFactory: (http: OutboundHttp, settings: LatchkeySettings) =>
        new DiscoveryCache(http, documentSettings(settings)),
    },
  ],
  exports: [OutboundHttp, OperatorHttp, JwksCache, DiscoveryCache],
})
export class FederationModule {}
