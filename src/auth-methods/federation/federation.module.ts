import { Module } from '@nestjs/common';
import { mostOutbound } from '../../common/net/descriptors';
import { hostNames, type Resolve } from '../../common/net/host-names';
import { IpNetwork } from '../../common/net/ip-network';
import { OutboundHttp, type OutboundQueue } from '../../common/net/outbound-http';
import { databaseEndpoints } from '../../database/connections/database-endpoints';
import { FairQueue } from '../../database/connections/fair-queue';
import { LatchkeySettings } from '../../latchkey.options';
import { DiscoveryCache } from './discovery.cache';
import { documentSettings } from './document-settings';
import { JwksCache } from './jwks.cache';
import { OperatorHttp } from './operator-http';

/** How the hosts of tenants' URLs are resolved. */
export const RESOLVE = Symbol('Resolve');

const EVERYWHERE = ['0.0.0.0/0', '::/0'].map((text) => IpNetwork.parse(text)!);

const QUEUE = Symbol('OutboundQueue');

/**
 * The places for all requests that leave the process. Most of the wait of a party depends on its own requests: a half is the share
 * of an organization, a quarter that of one of its methods, and the next place goes to those who hold the fewest.
 */
function outboundQueue(all = mostOutbound()): OutboundQueue {
  const queue = new FairQueue({ all, group: Math.ceil(all / 2), member: Math.ceil(all / 4) });
  return {
    take(party, waitMs) {
      const [member = '', group = ''] = party.split(' ');
      return queue.take({ group, member, isCrowd: false }, waitMs, () => new Error('too late'));
    },
  };
}

/** The providers that methods with signed tokens share: the way out, and what issuers publish. */
@Module({
  providers: [
    { provide: RESOLVE, useFactory: () => hostNames() },
    { provide: QUEUE, useFactory: () => outboundQueue() },
    {
      provide: OutboundHttp,
      inject: [LatchkeySettings, RESOLVE, QUEUE],
      useFactory: (settings: LatchkeySettings, resolve: Resolve, queue: OutboundQueue) => {
        const { outboundAllow: allow, outboundTimeoutMs: timeoutMs } = settings;
        return new OutboundHttp({ allow, timeoutMs, own: databaseEndpoints(settings), resolve, queue });
      },
    },
    {
      provide: OperatorHttp,
      inject: [LatchkeySettings, QUEUE],
      useFactory: (settings: LatchkeySettings, queue: OutboundQueue) => {
        const ofOperator = { allow: EVERYWHERE, timeoutMs: settings.outboundTimeoutMs, isOperators: true };
        return new OperatorHttp({ ...ofOperator, own: databaseEndpoints(settings), queue });
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
