import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentityAccessToken } from '../access-tokens/identity-access-token.entity';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { IdentitiesModule } from '../identities/identities.module';
import { TokenAuthController } from './token-auth.controller';
import { TokenAuthService } from './token-auth.service';
import { TokensService } from './tokens.service';

/** Token Auth: access tokens that are made, named and revoked by hand. */
@Module({
  imports: [TypeOrmModule.forFeature([IdentityAccessToken], LATCHKEY_DATA_SOURCE), IdentitiesModule],
  controllers: [TokenAuthController],
  providers: [TokenAuthService, TokensService],
  exports: [TokenAuthService, TokensService],
})
export class TokenAuthModule {}
