import { HttpStatus } from '@nestjs/common';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { LoginError } from '../auth-methods.errors';
import { NO_CHINA } from './aws-auth.config';

/** STS cannot be asked, or answers nothing that can be used. The caller's request is not to blame (decision 25). */
export class StsUnavailableError extends LatchkeyError {
  /** @param reason in snake case, for the log: `timed_out`. */
  constructor(reason: string, cause?: unknown) {
    super(
      { errorCode: `sts_${reason}`, status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'AWS cannot be asked who has signed the request. Please try again.',
      { cause, headers: { 'Retry-After': '5' } },
    );
  }
}

/** The caller sent another request than the one that is passed on to AWS. */
export class SignedRequestError extends LoginError {
  /** @param fault a sentence without anything of the request in it. */
  constructor(fault: string) {
    super('invalid_signed_request', fault, { status: 400 });
  }
}

/** The request is signed for a region that does not exist, or that is not supported. */
export class InvalidRegionError extends LoginError {
  constructor(message = 'Invalid AWS region') {
    super('invalid_region', message, { status: 400 });
  }
}

export const chinaRefusal = () => new InvalidRegionError(NO_CHINA);

/** The request was signed too long ago, or its date is yet to come. */
export class RequestDateError extends LoginError {
  constructor(when: 'expired' | 'not_yet_valid') {
    super(`request_${when}`, `Access denied: ${DATE_FAULTS[when]}`);
  }
}

const DATE_FAULTS = {
  expired: 'the request was signed more than five minutes ago',
  not_yet_valid: 'the request is signed with a date in the future',
} as const;

/** AWS does not accept the signature. */
export class StsRejectedError extends LoginError {
  constructor() {
    super('sts_rejected', 'Access denied: AWS rejected the signed request.');
  }
}

export class RequestReplayedError extends LoginError {
  constructor() {
    super('request_replayed', 'Access denied: the signed request was used already. Sign another one.');
  }
}

export class RootPrincipalError extends LoginError {
  constructor() {
    super('root_principal_not_supported', 'Access denied: AWS account root principals cannot use AWS Auth.');
  }
}

/** AWS knows the caller, but it is neither a user nor a role. */
export class PrincipalNotSupportedError extends LoginError {
  constructor() {
    super('principal_not_supported', 'Access denied: only users and roles of AWS can use AWS Auth.');
  }
}

export class AccountNotAllowedError extends LoginError {
  constructor() {
    super('account_id_not_allowed', 'Access denied: AWS account ID not allowed.');
  }
}

export class PrincipalNotAllowedError extends LoginError {
  /** @param arn as AWS has said it. */
  constructor(arn: string) {
    super('principal_arn_not_allowed', `Access denied: AWS principal ARN not allowed. [principal-arn=${arn}]`);
  }
}
