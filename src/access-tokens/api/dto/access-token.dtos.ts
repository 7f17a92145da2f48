import { EXAMPLE } from '../../../common/dto/examples';
import {
  ResponseId,
  ResponseTimeOrNull,
  ResponseTime,
  ResponseInteger,
  ResponseText,
  ResponseTextOrNull,
  ResponseFlag,
} from '../../../common/dto/response-fields';
import { TrimmedText } from '../../../common/dto/request-fields';
import type { IdentityAccessToken } from '../../../database/entities/identity-access-token.entity';

/** A body that contains the token it is about. */
export class PresentedTokenDto {
  // An empty text is not a token of Latchkey, and therefore 401 (contract 3.5).
  @TrimmedText({
    description: 'The access token itself, such as `accessToken` of "Create a token".',
    example: 'paste the access token',
    min: 0,
    max: 4_096,
  })
  accessToken!: string;
}

/** A signed token, as logins and renewals answer it. */
export class SignedTokenDto {
  @ResponseText(
    'The token, to be sent as `Authorization: Bearer …`. Only this answer contains it.',
    EXAMPLE.accessToken,
  )
  accessToken!: string;

  @ResponseInteger('Seconds until this token expires.', 3600)
  expiresIn!: number;

  @ResponseInteger('Lifetime in seconds over all renewals; 1000000000 means no limit.', 86400)
  accessTokenMaxTTL!: number;

  @ResponseText('Always `Bearer`.', 'Bearer', { enum: ['Bearer'] })
  tokenType!: 'Bearer';
}

/** The data of an access token, without the token itself. */
export class AccessTokenDto {
  @ResponseId('The id of the token.', EXAMPLE.tokenId)
  id!: string;

  @ResponseInteger('The lifetime in seconds with which the token was last signed; 0 if it never expires.', 3600)
  accessTokenTTL!: number;

  @ResponseInteger('Lifetime in seconds over all renewals; 0 means no limit.', 86400)
  accessTokenMaxTTL!: number;

  @ResponseInteger('How many times the token was used.', 0)
  accessTokenNumUses!: number;

  @ResponseInteger('How many times the token can be used; 0 means no limit.', 0)
  accessTokenNumUsesLimit!: number;

  @ResponseTimeOrNull('When the token was last used.')
  accessTokenLastUsedAt!: Date | null;

  @ResponseTimeOrNull('When the token was last renewed.')
  accessTokenLastRenewedAt!: Date | null;

  @ResponseFlag('Whether the token was revoked. A revocation is final.')
  isAccessTokenRevoked!: boolean;

  @ResponseTextOrNull('The client secret that a Universal Auth login used; null for tokens made by hand.', null)
  identityUAClientSecretId!: string | null;

  @ResponseId('The identity of the token.', EXAMPLE.identityId)
  identityId!: string;

  @ResponseTime('When the token was created.')
  createdAt!: Date;

  @ResponseTime('When the token was last changed. A use does not count as a change.')
  updatedAt!: Date;

  @ResponseTextOrNull('The name of the token, if it has one.', 'ci-runner')
  name!: string | null;

  @ResponseText('The auth method that issued the token.', 'token-auth')
  authMethod!: string;

  @ResponseInteger('Seconds between renewals of a periodic token; 0 for other tokens.', 0)
  accessTokenPeriod!: number;

  @ResponseTextOrNull('Always null, because there are no sub-organizations.', null)
  subOrganizationId!: string | null;

  static of(token: IdentityAccessToken): AccessTokenDto {
    return {
      id: token.id,
      accessTokenTTL: token.signedTTL,
      accessTokenMaxTTL: token.accessTokenPeriod > 0 ? 0 : token.accessTokenMaxTTL,
      accessTokenNumUses: token.numUses,
      accessTokenNumUsesLimit: token.numUsesLimit,
      accessTokenLastUsedAt: token.lastUsedAt,
      accessTokenLastRenewedAt: token.lastRenewedAt,
      isAccessTokenRevoked: token.revokedAt !== null,
      identityUAClientSecretId: token.clientSecretId,
      identityId: token.identityId,
      createdAt: token.createdAt,
      updatedAt: token.updatedAt,
      name: token.name,
      authMethod: token.authMethod,
      accessTokenPeriod: token.accessTokenPeriod,
      subOrganizationId: null,
    };
  }
}
