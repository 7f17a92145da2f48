import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentityAccessToken } from '../database/entities/identity-access-token.entity';
import { AuthMethodsModule } from '../auth-methods/auth-methods.module';
import { configurationController } from '../auth-methods/configuration/configuration.controller';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { IdentitiesModule } from '../identities/identities.module';
import { TokenAuthController } from './token-auth.controller';
import { TOKEN_AUTH } from './token-auth.definition';
import { TokenRotationController } from './token-rotation.controller';
import { TokenRotationsService } from './token-rotations.service';
import { TokenAuthService } from './token-auth.service';

/** Token Auth: access tokens that are issued, named and revoked by hand. */
@Module({
  imports: [TypeOrmModule.forFeature([IdentityAccessToken], LATCHKEY_DATA_SOURCE), IdentitiesModule, AuthMethodsModule],
  controllers: [configurationController(TOKEN_AUTH), TokenAuthController, TokenRotationController],
  providers: [TokenAuthService, TokenRotationsService],
  exports: [TokenAuthService],
})
export class TokenAuthModule {}
