import { Global, Module } from '@nestjs/common';
import { NodeMark } from './node-mark';
import { NodeRegistry } from './node-registry';
import { PushListener } from './push-listener';
import { Receipts } from './receipts';
import { Watermark } from './watermark';

/** What this node knows, and as of when. */
@Global()
@Module({
  providers: [NodeMark, Watermark, PushListener, NodeRegistry, Receipts],
  exports: [Watermark, PushListener, NodeRegistry, Receipts],
})
export class WatermarkModule {}
