import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import type { MethodSettings } from '../auth-method';
import { entriesOf, normalList } from '../federation/claim-rules';
import { issue, isText, laidOver } from '../federation/settings';
import type { UpdateAwsAuthDto } from './dto/aws-auth.dtos';

/** The settings of AWS Auth besides the policy of its tokens. */
export interface AwsAuthConfig {
  /** Shown to clients that expect it. No request goes there: a tenant does not choose what Latchkey asks. */
  readonly stsEndpoint: string;
  /** ARNs, separated by commas, in which `*` stands for any characters. Empty for any. */
  readonly allowedPrincipalArns: string;
  /** Ids, separated by commas. Empty for any. */
  readonly allowedAccountIds: string;
}

export const DEFAULT_STS_ENDPOINT = 'https://sts.amazonaws.com/';

const EMPTY: AwsAuthConfig = { stsEndpoint: DEFAULT_STS_ENDPOINT, allowedPrincipalArns: '', allowedAccountIds: '' };

/** The settings with an input laid over them: null clears, absence keeps (decision 27). @throws ValidationFailureError */
export function mergeSettings(input: UpdateAwsAuthDto, stored?: MethodSettings): MethodSettings<AwsAuthConfig> {
  const laid = laidOver(stored ? readSettings(stored) : EMPTY, input, EMPTY);
  const config: AwsAuthConfig = {
    ...laid,
    allowedPrincipalArns: normalList(laid.allowedPrincipalArns),
    allowedAccountIds: normalList(laid.allowedAccountIds),
  };
  const issues = issuesOf(config);
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return { config };
}

/** Settings as the database has them. @throws UnreadableValueError where one is missing or of another kind. */
export function readSettings({ config }: MethodSettings): AwsAuthConfig {
  const { stsEndpoint, allowedPrincipalArns, allowedAccountIds } = config as Partial<AwsAuthConfig>;
  if (![stsEndpoint, allowedPrincipalArns, allowedAccountIds].every(isText)) {
    throw new UnreadableValueError('settings of AWS Auth');
  }
  return config as AwsAuthConfig;
}

function issuesOf({ allowedPrincipalArns, allowedAccountIds }: AwsAuthConfig): ValidationIssue[] {
  const [arns, accounts] = [entriesOf(allowedPrincipalArns), entriesOf(allowedAccountIds)];
  const faults = [...new Set(arns.map(faultOfArn))].filter((fault) => fault !== undefined);
  const issues = faults.map((fault) => issue(['allowedPrincipalArns'], fault));
  if (!accounts.every((id) => /^\d{12}$/.test(id)))
    issues.push(issue(['allowedAccountIds'], 'Expected 12 digits each'));
  if (arns.length + accounts.length > 0) return issues;
  return [
    ...issues,
    issue(['allowedPrincipalArns'], 'Name principals or accounts: else every principal of AWS logs in'),
  ];
}

/** The principals that a request can come from. The names of IAM have no other characters, but for a comma. */
const ARN = /^arn:aws(-us-gov)?:(iam::\d{12}:(user|role)\/|sts::\d{12}:assumed-role\/)[\w.@+*=-]+$/;
const WHOLE_ACCOUNT = /^arn:aws(-us-gov)?:(iam|sts)::\d{12}:\*$/;
const WITH_PATH = /:(user|role|assumed-role)\/.*\//;

function faultOfArn(arn: string): string | undefined {
  if (ARN.test(arn) || WHOLE_ACCOUNT.test(arn)) return undefined;
  if (arn.startsWith('arn:aws-cn:')) return NO_CHINA;
  if (WITH_PATH.test(arn)) return 'Leave out paths and sessions: only the names of users and roles are compared';
  return 'Expected ARNs of users, roles or assumed roles, such as arn:aws:iam::123456789012:role/app';
}

export const NO_CHINA = 'AWS China (aws-cn) is not supported';
