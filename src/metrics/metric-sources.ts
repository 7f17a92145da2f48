import type { INestApplicationContext, Type } from '@nestjs/common';
import { UsageCounter } from '../access-tokens/usage/usage.counter';
import { AccessTokenCache } from '../access-tokens/verification/access-token.cache';
import { AuditLogSealer } from '../audit-log/chain/audit-log.sealer';
import { OperatorHttp } from '../auth-methods/federation/operator-http';
import { LoginPipeline } from '../auth-methods/pipeline/login.pipeline';
import { SecurityEventReporter } from '../auth-methods/pipeline/security-event.reporter';
import { ChangeFeedService } from '../change-feed/change-feed.service';
import { ChangeListener } from '../change-feed/change.listener';
import { ObservationQueue } from '../changes/observation.queue';
import { Clock } from '../common/clock/clock';
import { OutboundHttp } from '../common/net/outbound-http';
import type { PoolState } from '../database/connections/pool-state';
import { RequestConnectionsService } from '../database/connections/request-connections';
import { VerificationPools } from '../database/connections/verification-pools';
import { ReadinessService } from '../health/readiness.service';
import { LatchkeySettings } from '../latchkey.options';

/** The parts of a running application that metrics read. */
export class MetricSources {
  readonly cache: AccessTokenCache;
  readonly settings: LatchkeySettings;
  readonly changeFeed: ChangeFeedService;
  readonly push: ChangeListener;
  readonly clock: Clock;
  readonly uses: UsageCounter;
  readonly sealer: AuditLogSealer;
  readonly observations: ObservationQueue;
  /** Undefined in an application without Latchkey's routes. */
  readonly readiness: ReadinessService | undefined;
  readonly logins: LoginPipeline | undefined;
  readonly lockouts: SecurityEventReporter | undefined;
  private readonly outboundClients: readonly (OutboundHttp | undefined)[];
  private readonly databases: readonly [VerificationPools, RequestConnectionsService];

  constructor(private readonly app: INestApplicationContext) {
    this.cache = this.get(AccessTokenCache);
    this.settings = this.get(LatchkeySettings);
    this.changeFeed = this.get(ChangeFeedService);
    this.push = this.get(ChangeListener);
    this.clock = this.get(Clock);
    this.uses = this.get(UsageCounter);
    this.sealer = this.get(AuditLogSealer);
    this.observations = this.get(ObservationQueue);
    this.readiness = this.find(ReadinessService);
    this.logins = this.find(LoginPipeline);
    this.lockouts = this.find(SecurityEventReporter);
    this.outboundClients = [this.find(OutboundHttp), this.find(OperatorHttp)];
    this.databases = [this.get(VerificationPools), this.get(RequestConnectionsService)];
  }

  pools(): PoolState[] {
    return this.databases.flatMap((one) => one.states());
  }

  /** Requests that leave the process, by outcome. */
  outbound(): { readonly counts: ReadonlyMap<string, number>; readonly totalMs: number } {
    const clients = this.outboundClients.filter((one) => one !== undefined);
    const counts = new Map<string, number>();
    for (const [name, count] of clients.flatMap((one) => one.outcomes.entries()))
      counts.set(name, (counts.get(name) ?? 0) + count);
    return { counts, totalMs: clients.reduce((sum, { totalMs }) => sum + totalMs, 0) };
  }

  private get<Part>(type: Type<Part>): Part {
    return this.app.get(type, { strict: false });
  }

  private find<Part>(type: Type<Part>): Part | undefined {
    try {
      return this.get(type);
    } catch {
      return undefined;
    }
  }
}
