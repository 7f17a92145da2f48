import { EXAMPLE } from '../../common/dto/examples';
import { Id, TimeOrNull, Time, Whole, Words, WordsOrNull, YesNo } from '../../common/dto/answers';
import { TrimmedText } from '../../common/dto/fields';
import type { IdentityAccessToken } from '../identity-access-token.entity';

/** A body that brings the token it is about. */
export class PresentedTokenDto {
  // An empty one is no token of ours, and as such 401 (contract 3.5).
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
  @Words('The token to send as `Authorization: Bearer`. It is shown only here.', EXAMPLE.accessToken)
  accessToken!: string;

  @Whole('Seconds until this token runs out.', 3600)
  expiresIn!: number;

  @Whole('Seconds the token can live over all renewals; 1000000000 stands for no such limit.', 86400)
  accessTokenMaxTTL!: number;

  @Words('Always `Bearer`.', 'Bearer', { enum: ['Bearer'] })
  tokenType!: 'Bearer';
}

/** An access token as its managers see it: everything but the token itself. */
export class AccessTokenDto {
  @Id('The id of the token.', EXAMPLE.tokenId)
  id!: string;

  @Whole('Seconds the token was last signed for; 0 when it never runs out.', 3600)
  accessTokenTTL!: number;

  @Whole('Seconds the token can live over all renewals; 0 for no such limit.', 86400)
  accessTokenMaxTTL!: number;

  @Whole('How often the token has been used.', 0)
  accessTokenNumUses!: number;

  @Whole('How often the token may be used; 0 for no limit.', 0)
  accessTokenNumUsesLimit!: number;

  @TimeOrNull('When the token was last used.')
  accessTokenLastUsedAt!: Date | null;

  @TimeOrNull('When the token was last renewed.')
  accessTokenLastRenewedAt!: Date | null;

  @YesNo('Whether the token has been revoked. That never comes undone.')
  isAccessTokenRevoked!: boolean;

  @WordsOrNull('The client secret a universal-auth login used; null for tokens made by hand.', null)
  identityUAClientSecretId!: string | null;

  @Id('The identity the token speaks for.', EXAMPLE.identityId)
  identityId!: string;

  @Time('When the token was made.')
  createdAt!: Date;

  @Time('When the token was last changed. Using it is no change.')
  updatedAt!: Date;

  @WordsOrNull('The name of the token, if it has one.', 'ci-runner')
  name!: string | null;

  @Words('The method the token came from.', 'token-auth')
  authMethod!: string;

  @Whole('Seconds between renewals of a periodic token; 0 otherwise.', 0)
  accessTokenPeriod!: number;

  @WordsOrNull('Always null: there are no sub-organizations.', null)
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
