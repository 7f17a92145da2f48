import { Global, Module } from '@nestjs/common';
import { NodeMarkService } from './node-mark.service';
import { NodeRegistry } from './node.registry';
import { ChangeListener } from './change.listener';
import { ChangeReceiptsService } from './change-receipts.service';
import { ChangeFeedService } from './change-feed.service';

/** The changes that this node knows, and how fresh they are. */
@Global()
@Module({
  providers: [NodeMarkService, ChangeFeedService, ChangeListener, NodeRegistry, ChangeReceiptsService],
  exports: [ChangeFeedService, ChangeListener, NodeRegistry, ChangeReceiptsService],
})
export class ChangeFeedModule {}
