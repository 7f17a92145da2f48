import { Global, Module } from '@nestjs/common';
import { ChangeFeedModule } from '../change-feed/change-feed.module';
import { ChangesService } from './changes.service';
import { AccessTokenHooks } from './hooks/access-token-hooks';
import { HookCaller } from './hooks/hook.caller';
import { HookRegistry } from './hooks/hook.registry';
import { OutboxCourier } from './hooks/outbox.courier';
import { TokenEventQueue } from './hooks/token-event.queue';
import { TokenEventStore } from './hooks/token-event.store';
import { TokenEvents } from './hooks/token-events.service';
import { ObservationQueue } from './observation.queue';

const HOOKS = [
  HookRegistry,
  HookCaller,
  TokenEventStore,
  TokenEventQueue,
  OutboxCourier,
  TokenEvents,
  AccessTokenHooks,
];

/** How changes are made, and what the audit log and the handlers of a host hear. Global, because every feature makes changes. */
@Global()
@Module({
  imports: [ChangeFeedModule],
  providers: [ChangesService, ObservationQueue, ...HOOKS],
  exports: [ChangesService, ObservationQueue, ...HOOKS],
})
export class ChangesModule {}
