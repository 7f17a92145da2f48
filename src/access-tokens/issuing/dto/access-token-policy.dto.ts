import { Count, ListOf, Seconds, TrimmedText } from '../../../common/dto/request-fields';

export class TrustedIpInputDto {
  @TrimmedText({ description: 'An IPv4 or IPv6 address, or a CIDR block.', example: '0.0.0.0/0', max: 64 })
  ipAddress!: string;
}

/** Of examples: whoever tries them may be anywhere. */
export const ANYWHERE = [{ ipAddress: '0.0.0.0/0' }, { ipAddress: '::/0' }];

/** How an identity's tokens behave, whichever auth method they come from. What is left out keeps its value or default. */
export class AccessTokenPolicyDto {
  @Seconds({
    description: 'Lifetime of a token in seconds; 0 for as long as allowed. Default 2592000.',
    example: 3600,
    optional: true,
  })
  accessTokenTTL?: number;

  @Seconds({
    description: 'Lifetime in seconds over all renewals; 0 for no such limit. Default 2592000.',
    example: 86400,
    optional: true,
  })
  accessTokenMaxTTL?: number;

  @Count({ description: 'How often a token may be used; 0 for no limit. Default 0.', example: 0, optional: true })
  accessTokenNumUsesLimit?: number;

  @ListOf(TrustedIpInputDto, {
    description: 'Where tokens may be used from. Default: anywhere.',
    example: ANYWHERE,
    optional: true,
    min: 1,
    max: 256,
  })
  accessTokenTrustedIps?: TrustedIpInputDto[];
}
