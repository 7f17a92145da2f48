import { Global, Module } from '@nestjs/common';
import { ChangeFeedModule } from '../change-feed/change-feed.module';
import { ChangesService } from './changes.service';

/** How changes are made. Global: every feature makes some. */
@Global()
@Module({ imports: [ChangeFeedModule], providers: [ChangesService], exports: [ChangesService] })
export class ChangesModule {}
