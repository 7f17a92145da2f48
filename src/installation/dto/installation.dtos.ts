import {
  ResponseId,
  ResponseObject,
  ResponseTime,
  ResponseInteger,
  ResponseText,
  ResponseFlag,
} from '../../common/dto/response-fields';
import { EXAMPLE } from '../../common/dto/examples';
import { Name, Text } from '../../common/dto/request-fields';
import { field, isStorable, isString, lengthBetween, matches, Trimmed } from '../../common/dto/rules';
import { FoundingIdentityDto, OrganizationDto } from '../../organizations/dto/organization.dtos';

export class BootstrapDto {
  @Trimmed()
  @field(
    [isString, ...lengthBetween(3, 254), matches(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'Invalid email'), isStorable],
    { description: 'The e-mail address of the person that sets up the installation.', example: 'root@acme.test' },
    { type: String, format: 'email' },
  )
  email!: string;

  @Text({
    description: 'The password of that person. It is never trimmed.',
    example: 'correct horse battery staple',
    max: 1024,
    format: 'password',
  })
  password!: string;

  @Name({ description: 'The name of the first organization.', example: 'Acme' })
  organization!: string;
}

export class BootstrapUserDto {
  @ResponseText('The same as the e-mail address.', 'root@acme.test')
  username!: string;

  @ResponseText('Always `Admin`.', 'Admin')
  firstName!: string;

  @ResponseText('Always `User`.', 'User')
  lastName!: string;

  @ResponseText('The e-mail address in lower case.', 'root@acme.test')
  email!: string;

  @ResponseId('The id of the person.', EXAMPLE.userId)
  id!: string;

  @ResponseFlag('Always true.', true)
  superAdmin!: boolean;
}

export class BootstrapAnswerDto {
  @ResponseText('A confirmation.', 'Successfully bootstrapped instance')
  message!: string;

  @ResponseObject(() => BootstrapUserDto, 'The person.')
  user!: BootstrapUserDto;

  @ResponseObject(() => OrganizationDto, 'The first organization.')
  organization!: OrganizationDto;

  @ResponseObject(() => FoundingIdentityDto, 'The identity that administers the instance.')
  identity!: FoundingIdentityDto;
}

export class StatusDto {
  @ResponseTime('The time on the server.')
  date!: Date;

  @ResponseText('`Ok` while the server answers.', 'Ok')
  message!: string;

  @ResponseFlag('Whether the server can send mail.')
  emailConfigured!: boolean;

  @ResponseFlag('Whether people can join by invitation only.', true)
  inviteOnlySignup!: boolean;

  @ResponseFlag('Whether the server uses Redis. Always false.')
  redisConfigured!: boolean;

  @ResponseFlag('Whether the server scans for secrets. Always false.')
  secretScanningConfigured!: boolean;

  @ResponseInteger('The longest lifetime of a signed token in seconds; 0 means no ceiling.', 7776000)
  maxIdentityAccessTokenTTL!: number;
}
