import { ClaimPattern } from '../federation/claim-pattern';
import { entriesOf } from '../federation/claim-rules';
import type { AwsAuthConfig } from './aws-auth.config';
import {
  AccountNotAllowedError,
  PrincipalNotAllowedError,
  PrincipalNotSupportedError,
  RootPrincipalError,
} from './aws-auth.errors';

/** The signer of a request, as STS says. */
export interface CallerIdentity {
  readonly account: string;
  readonly arn: string;
  readonly userId: string;
}

/** A user or a role. */
export interface Principal {
  readonly accountId: string;
  readonly arn: string;
  readonly userId: string;
  readonly partition: string;
  readonly service: 'iam' | 'sts';
  readonly resourceType: 'user' | 'assumed-role';
  /** The name of the user or role, without its path: IAM has each name once in an account. */
  readonly resourceName: string;
}

const ARN = /^arn:([a-z-]+):(iam|sts)::(\d{12}):(.+)$/;
/** A user may have a path. That of a role stands in no ARN of a session. */
const USER = /^user\/(?:[^/]+\/)*([^/]+)$/;
const SESSION = /^assumed-role\/([^/]+)\/[^/]+$/;

/** @throws RootPrincipalError, PrincipalNotSupportedError */
export function principalOf({ account: accountId, arn, userId }: CallerIdentity): Principal {
  const [, partition = '', service, , resource = ''] = ARN.exec(arn) ?? [];
  if (service === 'iam' && resource === 'root') throw new RootPrincipalError();
  return { accountId, arn, userId, partition, ...(service === 'iam' ? userIn(resource) : roleIn(resource)) };
}

function userIn(resource: string) {
  return { service: 'iam', resourceType: 'user', resourceName: nameIn(USER, resource) } as const;
}

function roleIn(resource: string) {
  return { service: 'sts', resourceType: 'assumed-role', resourceName: nameIn(SESSION, resource) } as const;
}

/** @throws PrincipalNotSupportedError */
function nameIn(kind: RegExp, resource: string): string {
  const name = kind.exec(resource)?.[1];
  if (name === undefined) throw new PrincipalNotSupportedError();
  return name;
}

/** Empty lists allow all; a configuration has one at least that is not empty. @throws LoginError */
export function requireAllowed(principal: Principal, config: AwsAuthConfig): void {
  const accounts = entriesOf(config.allowedAccountIds);
  if (accounts.length > 0 && !accounts.includes(principal.accountId)) throw new AccountNotAllowedError();
  const patterns = entriesOf(config.allowedPrincipalArns);
  if (patterns.length > 0 && !patterns.some((pattern) => isNamed(principal, pattern))) {
    throw new PrincipalNotAllowedError(principal.arn);
  }
}

function isNamed(principal: Principal, pattern: string): boolean {
  const parsed = ClaimPattern.parse(pattern);
  return namesOf(principal).some((name) => parsed?.matches(name));
}

/** The ARN without path and session, and for a session that of its role. */
function namesOf({ partition, service, accountId, resourceType, resourceName }: Principal): string[] {
  const name = `arn:${partition}:${service}::${accountId}:${resourceType}/${resourceName}`;
  const role = `arn:${partition}:iam::${accountId}:role/${resourceName}`;
  return resourceType === 'assumed-role' ? [name, role] : [name];
}
