import type { OutboundAnswer } from '../../common/net/outbound-http';
import {
  ApiServerUnavailableError,
  NoServiceAccountError,
  ReviewerForbiddenError,
  ReviewerUnauthorizedError,
  TokenNotAuthenticatedError,
  TokenReviewError,
} from './kubernetes-auth.errors';

/** Whose token it is, as the API server says. */
export interface ReviewedAccount {
  readonly namespace: string;
  readonly name: string;
  /** Those of the audiences asked for that the token is for. Empty where the server knows no audiences. */
  readonly audiences: readonly string[];
}

/** The body that asks for a review (authentication.k8s.io/v1). Without an audience the token must be for the API server. */
export function reviewOf(token: string, audience: string): string {
  const spec = audience === '' ? { token } : { token, audiences: [audience] };
  return JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec });
}

/** The account that an answer names. @throws LoginError where it says no, ApiServerUnavailableError where it says nothing usable */
export function accountIn({ status, body }: Pick<OutboundAnswer, 'status' | 'body'>): ReviewedAccount {
  requireSuccess(status);
  const { error = '', authenticated, user, audiences } = statusIn(body);
  if (typeof error !== 'string') throw new ApiServerUnavailableError('unusable_answer');
  if (error !== '') throw new TokenReviewError(error);
  // It is absent where the answer is no.
  if (authenticated !== true) throw new TokenNotAuthenticatedError();
  return { ...accountOf(user), audiences: Array.isArray(audiences) ? (audiences as string[]) : [] };
}

function requireSuccess(status: number): void {
  if (status === 401) throw new ReviewerUnauthorizedError();
  if (status === 403) throw new ReviewerForbiddenError();
  // 201 by the API server, 200 by some that stand before it.
  if (status !== 200 && status !== 201) throw new ApiServerUnavailableError(`status_${status}`);
}

/** Names of Kubernetes are those of DNS (RFC 1123). Others would go into access tokens as they are. */
const NAMESPACE = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const NAME = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
const ACCOUNT = new RegExp(`^system:serviceaccount:(${NAMESPACE}):(${NAME})$`);

function accountOf(user: unknown): Pick<ReviewedAccount, 'namespace' | 'name'> {
  const { username } = fieldsOf(user) ?? NO_FIELDS;
  if (typeof username !== 'string') throw new ApiServerUnavailableError('unusable_answer');
  const [, namespace, name] = ACCOUNT.exec(username) ?? [];
  if (namespace === undefined || name === undefined) throw new NoServiceAccountError(username);
  return { namespace, name };
}

type Fields = Readonly<Record<string, unknown>>;
const NO_FIELDS: Fields = {};

function statusIn(body: Buffer): Fields {
  const { kind, status } = fieldsOf(parsed(body)) ?? NO_FIELDS;
  const fields = kind === 'TokenReview' ? fieldsOf(status) : undefined;
  if (!fields) throw new ApiServerUnavailableError('unusable_answer');
  return fields;
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
