import { Module } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import { ManagedTokenReadsService } from './managed-token-reads.service';
import { ManagedTokensController } from './managed-tokens.controller';
import { TokenAuthModule } from '../token-auth/token-auth.module';
import { OverviewController } from './overview.controller';
import { OverviewService } from './overview.service';

/** The tokens of every auth method, as the managers of their identities see them. */
@Module({
  imports: [IdentitiesModule, TokenAuthModule],
  controllers: [ManagedTokensController, OverviewController],
  providers: [ManagedTokenReadsService, OverviewService],
})
export class ManagedTokensModule {}
