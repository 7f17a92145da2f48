import { Module } from '@nestjs/common';
import { AuthMethodsModule } from '../auth-methods/auth-methods.module';
import { configurationController } from '../auth-methods/configuration/configuration.controller';
import { IdentitiesModule } from '../identities/identities.module';
import { TokenAuthController } from './token-auth.controller';
import { TOKEN_AUTH } from './token-auth.definition';
import { TokenAuthIssuer } from './token-auth.issuer';
import { TokenAuthReadsService } from './token-auth-reads.service';
import { TokenRotationController } from './token-rotation.controller';
import { TokenRotationsService } from './token-rotations.service';
import { TokenAuthService } from './token-auth.service';

/** Token Auth: access tokens that are issued, named and revoked by hand. */
@Module({
  imports: [IdentitiesModule, AuthMethodsModule],
  controllers: [configurationController(TOKEN_AUTH), TokenAuthController, TokenRotationController],
  providers: [TokenAuthIssuer, TokenAuthReadsService, TokenAuthService, TokenRotationsService],
  exports: [TokenAuthIssuer, TokenAuthService],
})
export class TokenAuthModule {}
