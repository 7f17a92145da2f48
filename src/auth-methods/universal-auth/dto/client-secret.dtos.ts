import {
  ResponseId,
  ResponseObject,
  ResponseList,
  ResponseTime,
  ResponseTimeOrNull,
  ResponseInteger,
  ResponseText,
  ResponseFlag,
} from '../../../common/dto/response-fields';
import { EXAMPLE } from '../../../common/dto/examples';
import { Count, Description, Seconds } from '../../../common/dto/request-fields';
import { PageDto } from '../../../common/http/page';
import type { ClientSecret } from '../../../database/entities/client-secret.entity';
import { CLIENT_EXAMPLE } from '../universal-auth.examples';

export class CreateClientSecretDto {
  @Description({ description: 'The purpose of the secret.', example: 'prod', optional: true, max: 1_024 })
  description?: string;

  @Count({ description: 'How many logins the secret allows; 0 means no limit. Default 0.', example: 0, optional: true })
  numUsesLimit?: number;

  @Seconds({
    description: 'Seconds until the secret expires; 0 means never. Default 0.',
    example: 86400,
    optional: true,
  })
  ttl?: number;
}

/** The data of a client secret, without the secret itself. */
export class ClientSecretDto {
  @ResponseId('The id of the secret.', CLIENT_EXAMPLE.clientSecretId)
  id!: string;

  @ResponseTime('When the secret was created.')
  createdAt!: Date;

  @ResponseTime('When the secret was last changed. A use does not count as a change.')
  updatedAt!: Date;

  @ResponseText('The purpose of the secret.', 'prod')
  description!: string;

  @ResponseText('The first characters of the secret, to recognise it.', CLIENT_EXAMPLE.clientSecret.slice(0, 4))
  clientSecretPrefix!: string;

  @ResponseInteger(
    'How many logins used the secret. With a limit the number is exact. Without one, simultaneous logins can count once.',
    0,
  )
  clientSecretNumUses!: number;

  @ResponseInteger('How many logins the secret allows; 0 means no limit.', 0)
  clientSecretNumUsesLimit!: number;

  @ResponseInteger('Seconds from its creation until the secret expires; 0 means never.', 86400)
  clientSecretTTL!: number;

  @ResponseId('The configuration of the secret.', EXAMPLE.authMethodId)
  identityUAId!: string;

  @ResponseFlag(
    'Whether the secret was revoked. A revocation is final, and tokens obtained with the secret are refused.',
  )
  isClientSecretRevoked!: boolean;

  @ResponseTimeOrNull('When a login last used the secret.')
  clientSecretLastUsedAt!: Date | null;

  @ResponseTimeOrNull('When the secret expires; null if never.', '2026-09-02T10:15:30.123Z')
  clientSecretExpiresAt!: Date | null;

  static of(secret: ClientSecret): ClientSecretDto {
    return {
      id: secret.id,
      createdAt: secret.createdAt,
      updatedAt: secret.updatedAt,
      description: secret.description,
      clientSecretPrefix: secret.prefix,
      clientSecretNumUses: secret.numUses,
      clientSecretNumUsesLimit: secret.numUsesLimit,
      clientSecretTTL: secret.ttl,
      identityUAId: secret.authMethodId,
      isClientSecretRevoked: secret.revokedAt !== null,
      clientSecretLastUsedAt: secret.lastUsedAt,
      clientSecretExpiresAt: secret.expiresAt,
    };
  }
}

export class CreatedClientSecretDto {
  @ResponseText('The secret. Only this answer contains it.', CLIENT_EXAMPLE.clientSecret)
  clientSecret!: string;

  @ResponseObject(() => ClientSecretDto, 'The data of the secret.')
  clientSecretData!: ClientSecretDto;
}

export class ClientSecretAnswerDto {
  @ResponseObject(() => ClientSecretDto, 'The secret.')
  clientSecretData!: ClientSecretDto;
}

export class ClientSecretListDto extends PageDto {
  @ResponseList(() => ClientSecretDto, 'The secrets that are not revoked, newest first.')
  clientSecretData!: ClientSecretDto[];
}
