import { HttpStatus } from '@nestjs/common';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { LoginError } from '../auth-methods.errors';

/** The API server cannot be asked, or answers nothing that can be used. The caller's token is not to blame (decision 25). */
export class ApiServerUnavailableError extends LatchkeyError {
  /** @param reason in snake case, for the log: `timed_out`. */
  constructor(reason: string, cause?: unknown) {
    super(
      { errorCode: `api_server_${reason}`, status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'The Kubernetes API server cannot be asked to review the token. Please try again.',
      { cause, headers: { 'Retry-After': '5' } },
    );
  }
}

/** The API server says why it does not know the token. */
export class TokenReviewError extends LoginError {
  constructor(reason: string) {
    super('token_review_error', quotable(reason), { error: 'KubernetesTokenReviewError' });
  }
}

export class TokenNotAuthenticatedError extends LoginError {
  constructor() {
    super('token_not_authenticated', 'Kubernetes token not authenticated');
  }
}

/** The API server does not accept the token it is asked with: the reviewer's, or without one the caller's own. */
export class ReviewerUnauthorizedError extends LoginError {
  constructor() {
    super('token_reviewer_unauthorized', 'The token for reviewing is invalid or has expired', {
      error: 'KubernetesTokenReviewerUnauthorized',
    });
  }
}

export class ReviewerForbiddenError extends LoginError {
  constructor() {
    super(
      'token_reviewer_forbidden',
      'The token for reviewing may not review tokens: bind its service account to the ClusterRole system:auth-delegator',
      { error: 'KubernetesTokenReviewerForbidden' },
    );
  }
}

/** The token is genuine, but not that of a service account. */
export class NoServiceAccountError extends LoginError {
  constructor(username: string) {
    super('no_service_account', `Invalid Kubernetes service account username format: "${quotable(username)}"`, {
      status: 400,
      error: 'KubernetesUsernameParseError',
    });
  }
}

/** The service account, or the audience of its token, is not one of those that are allowed. */
export class NotAllowedError extends LoginError {
  constructor(what: 'namespace' | 'name' | 'audience') {
    super(`${what}_not_allowed`, `Access denied: K8s ${what} not allowed.`);
  }
}

/** Words of the server for its callers, without what could be a token in them. */
function quotable(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, ' ')
    .replace(/[\w.~+/=-]{64,}/g, '…')
    .slice(0, 500);
}
