import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE } from '../../common/dto/examples';
import {
  ResponseFlag,
  ResponseId,
  ResponseObject,
  ResponseText,
  ResponseTextOrNull,
  ResponseTimeOrNull,
} from '../../common/dto/response-fields';
import { OrganizationDto } from '../../organizations/dto/organization.dtos';

export class MeDto {
  @ResponseId('The identity of the caller.', EXAMPLE.identityId)
  identityId!: string;

  @ResponseText('The name of the identity.', 'Instance Admin Identity')
  identityName!: string;

  @ResponseObject(() => OrganizationDto, 'The organization of the caller.')
  organization!: OrganizationDto;

  @ResponseText('The slug of the role of the identity.', 'admin')
  role!: string;

  @ResponseFlag('Whether the caller may manage organizations.', true)
  isInstanceAdmin!: boolean;

  @ApiProperty({
    description: 'Every permission that the caller has without conditions.',
    type: [String],
    example: ['organization:read'],
  })
  permissions!: readonly string[];

  @ResponseId('The token of this call.', EXAMPLE.tokenId)
  tokenId!: string;

  @ResponseTextOrNull('The name of the token, if it has one.', 'Instance Admin Token')
  tokenName!: string | null;

  @ResponseText('The auth method that issued the token.', 'token-auth')
  authMethod!: string;

  @ResponseTimeOrNull('When the token ends; null if never.', EXAMPLE.createdAt)
  expiresAt!: Date | null;
}

export class MeAnswerDto {
  @ResponseObject(() => MeDto, 'The caller.')
  me!: MeDto;
}
