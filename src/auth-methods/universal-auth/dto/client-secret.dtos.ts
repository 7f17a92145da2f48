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
  @Description({ description: 'What the secret is for.', example: 'prod', optional: true, max: 1_024 })
  description?: string;

  @Count({ description: 'How often it may be logged in with; 0 for no limit. Default 0.', example: 0, optional: true })
  numUsesLimit?: number;

  @Seconds({ description: 'Seconds until it runs out; 0 for never. Default 0.', example: 86400, optional: true })
  ttl?: number;
}

/** A client secret as its managers see it: everything but the secret itself. */
export class ClientSecretDto {
  @ResponseId('The id of the secret.', CLIENT_EXAMPLE.clientSecretId)
  id!: string;

  @ResponseTime('When it was made.')
  createdAt!: Date;

  @ResponseTime('When it was last changed. Using it is no change.')
  updatedAt!: Date;

  @ResponseText('What it is for.', 'prod')
  description!: string;

  @ResponseText('Its first characters, to tell it by.', CLIENT_EXAMPLE.clientSecret.slice(0, 4))
  clientSecretPrefix!: string;

  @ResponseInteger(
    'How often it was logged in with. Exact with a limit; without one, logins at the same moment may count once.',
    0,
  )
  clientSecretNumUses!: number;

  @ResponseInteger('How often it may be logged in with; 0 for no limit.', 0)
  clientSecretNumUsesLimit!: number;

  @ResponseInteger('Seconds from its making until it runs out; 0 for never.', 86400)
  clientSecretTTL!: number;

  @ResponseId('The configuration it belongs to.', EXAMPLE.authMethodId)
  identityUAId!: string;

  @ResponseFlag('Whether it has been revoked. That never comes undone, and its tokens are dead.')
  isClientSecretRevoked!: boolean;

  @ResponseTimeOrNull('When it was last logged in with.')
  clientSecretLastUsedAt!: Date | null;

  @ResponseTimeOrNull('When it runs out; null for never.', '2026-09-02T10:15:30.123Z')
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
  @ResponseText('The secret. It is shown only here.', CLIENT_EXAMPLE.clientSecret)
  clientSecret!: string;

  @ResponseObject(() => ClientSecretDto, 'The secret as its managers see it.')
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
