import { EXAMPLE } from '../../common/dto/examples';
import {
  ResponseFlag,
  ResponseId,
  ResponseInteger,
  ResponseList,
  ResponseObject,
  ResponseText,
  ResponseTime,
} from '../../common/dto/response-fields';

export class CappedCountDto {
  @ResponseInteger('How many there are, up to 1000.', 3)
  count!: number;

  @ResponseFlag('Whether there are more.')
  isCapped!: boolean;
}

export class ExpiringDto {
  @ResponseObject(() => CappedCountDto, 'Tokens that end within a day.')
  day!: CappedCountDto;

  @ResponseObject(() => CappedCountDto, 'Tokens that end within seven days.')
  week!: CappedCountDto;

  @ResponseObject(() => CappedCountDto, 'Tokens that end within 30 days.')
  month!: CappedCountDto;
}

export class ExpiryDayDto {
  @ResponseText('The day, in UTC.', '2026-12-03')
  day!: string;

  @ResponseInteger('How many tokens end on it.', 1)
  tokens!: number;
}

export class LockoutDto {
  @ResponseId('The identity.', EXAMPLE.identityId)
  identityId!: string;

  @ResponseText('Its name.', 'deployer')
  identityName!: string;

  @ResponseText('The auth method that is locked.', 'universal-auth')
  authMethod!: string;

  @ResponseInteger('How many wrong guesses there were.', 3)
  failures!: number;

  @ResponseTime('When the lock ends by itself.')
  until!: Date;
}

export class OverviewDto {
  @ResponseObject(() => CappedCountDto, 'The identities of the organization.')
  identities!: CappedCountDto;

  @ResponseObject(() => CappedCountDto, 'The tokens that have not ended, and were not revoked.')
  liveTokens!: CappedCountDto;

  @ResponseObject(() => ExpiringDto, 'The tokens that end soon.')
  expiring!: ExpiringDto;

  @ResponseList(() => ExpiryDayDto, 'The days of the next 30 on which tokens end, the first 5000 tokens.', [
    { day: '2026-12-03', tokens: 1 },
  ])
  expiries!: ExpiryDayDto[];

  @ResponseList(() => LockoutDto, 'The auth methods that are locked now: 20 at most.', [])
  lockouts!: LockoutDto[];
}
