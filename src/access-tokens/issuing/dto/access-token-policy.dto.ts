import { Count, ListOf, Seconds, TrimmedText } from '../../../common/dto/request-fields';

export class TrustedIpInputDto {
  @TrimmedText({ description: 'An IPv4 or IPv6 address, or a CIDR block.', example: '0.0.0.0/0', max: 64 })
  ipAddress!: string;
}

/** An example value that works from any address. */
export const ANYWHERE = [{ ipAddress: '0.0.0.0/0' }, { ipAddress: '::/0' }];

/** The policy of an identity's tokens, for every auth method. A field that is left out keeps its value, or gets its default. */
export class AccessTokenPolicyDto {
  @Seconds({
    description: 'Lifetime of a token in seconds; 0 means the longest allowed. Default 2592000.',
    example: 3600,
    optional: true,
  })
  accessTokenTTL?: number;

  @Seconds({
    description: 'Lifetime in seconds over all renewals; 0 means no limit. Default 2592000.',
    example: 86400,
    optional: true,
  })
  accessTokenMaxTTL?: number;

  @Count({
    description: 'How many times a token can be used; 0 means no limit. Default 0.',
    example: 0,
    optional: true,
  })
  accessTokenNumUsesLimit?: number;

  @ListOf(TrustedIpInputDto, {
    description: 'Addresses from which tokens can be used. Default: all.',
    example: ANYWHERE,
    optional: true,
    min: 1,
    max: 256,
  })
  accessTokenTrustedIps?: TrustedIpInputDto[];
}
