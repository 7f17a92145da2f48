import { Id, Part, Parts, Time, Whole, Words, YesNo } from '../../common/dto/answers';
import { EXAMPLE } from '../../common/dto/examples';
import { Name, Text } from '../../common/dto/fields';
import { field, isStorable, isString, lengthBetween, matches, Trimmed } from '../../common/dto/rules';
import { PageDto } from '../../common/http/page';
import { OrganizationDto } from '../../organizations/dto/organization.dtos';

export class BootstrapDto {
  @Trimmed()
  @field(
    [isString, ...lengthBetween(3, 254), matches(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'Invalid email'), isStorable],
    { description: 'The e-mail address of the person who sets this up.', example: 'root@acme.test' },
    { type: String, format: 'email' },
  )
  email!: string;

  @Text({
    description: 'The password of that person, taken as it is, blanks included.',
    example: 'correct horse battery staple',
    max: 1024,
    format: 'password',
  })
  password!: string;

  @Name({ description: 'The name of the first organization.', example: 'Acme' })
  organization!: string;
}

export class BootstrapUserDto {
  @Words('The same as the e-mail address.', 'root@acme.test')
  username!: string;

  @Words('Always `Admin`.', 'Admin')
  firstName!: string;

  @Words('Always `User`.', 'User')
  lastName!: string;

  @Words('The e-mail address in lower case.', 'root@acme.test')
  email!: string;

  @Id('The id of the person.', EXAMPLE.userId)
  id!: string;

  @YesNo('Always true.', true)
  superAdmin!: boolean;
}

export class CredentialsDto {
  @Words('An access token, shown only here.', EXAMPLE.accessToken)
  token!: string;
}

export class FoundingIdentityDto {
  @Id('The id of the identity.', EXAMPLE.identityId)
  id!: string;

  @Words('Its name.', 'Instance Admin Identity')
  name!: string;

  @Part(() => CredentialsDto, 'What it begins with.')
  credentials!: CredentialsDto;
}

export class BootstrapAnswerDto {
  @Words('Says that it is done.', 'Successfully bootstrapped instance')
  message!: string;

  @Part(() => BootstrapUserDto, 'The person.')
  user!: BootstrapUserDto;

  @Part(() => OrganizationDto, 'The first organization.')
  organization!: OrganizationDto;

  @Part(() => FoundingIdentityDto, 'The identity that administrates the instance.')
  identity!: FoundingIdentityDto;
}

export class StatusDto {
  @Time('The time of the server.')
  date!: Date;

  @Words('`Ok` while the server answers.', 'Ok')
  message!: string;

  @YesNo('Whether mail can be sent.')
  emailConfigured!: boolean;

  @YesNo('Whether people can join only when invited.', true)
  inviteOnlySignup!: boolean;

  @YesNo('Whether Redis is used. It never is.')
  redisConfigured!: boolean;

  @YesNo('Whether secrets are scanned. They never are.')
  secretScanningConfigured!: boolean;

  @Whole('The longest an access token may live, in seconds; 0 for no ceiling.', 7776000)
  maxIdentityAccessTokenTTL!: number;
}

export class CreateOrganizationDto {
  @Name({ description: 'The name of the organization.', example: 'Acme' })
  name!: string;
}

export class CreatedOrganizationDto {
  @Part(() => OrganizationDto, 'The organization.')
  organization!: OrganizationDto;

  @Part(() => FoundingIdentityDto, 'The identity that administrates it.')
  identity!: FoundingIdentityDto;
}

export class OrganizationListDto extends PageDto {
  @Parts(() => OrganizationDto, 'The organizations, newest first.')
  organizations!: OrganizationDto[];
}
