import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentityAccessToken } from '../access-tokens/identity-access-token.entity';
import { AuthMethodsModule } from '../auth-methods/auth-methods.module';
import { configurationController } from '../auth-methods/configuration.controller';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { IdentitiesModule } from '../identities/identities.module';
import { TokenAuthController } from './token-auth.controller';
import { TOKEN_AUTH } from './token-auth.definition';
import { TokensService } from './tokens.service';

/** Token Auth: access tokens that are made, named and revoked by hand. */
@Module({
  imports: [TypeOrmModule.forFeature([IdentityAccessToken], LATCHKEY_DATA_SOURCE), IdentitiesModule, AuthMethodsModule],
  controllers: [configurationController(TOKEN_AUTH), TokenAuthController],
  providers: [TokensService],
  exports: [TokensService],
})
export class TokenAuthModule {}
