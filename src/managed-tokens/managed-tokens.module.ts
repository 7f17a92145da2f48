import { Module } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import { ManagedTokenReadsService } from './managed-token-reads.service';
import { ManagedTokenRevocationsService } from './managed-token-revocations.service';
import { ManagedTokensController } from './managed-tokens.controller';
import { OverviewController } from './overview.controller';
import { OverviewService } from './overview.service';

/** The tokens of every auth method, as the managers of their identities see them. */
@Module({
  imports: [IdentitiesModule],
  controllers: [ManagedTokensController, OverviewController],
  providers: [ManagedTokenReadsService, ManagedTokenRevocationsService, OverviewService],
})
export class ManagedTokensModule {}
