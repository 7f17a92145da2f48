import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import type { MethodSettings } from '../auth-method';
import { entriesOf, normalList } from '../federation/claim-rules';
import { issue, isText, laidOver } from '../federation/settings';
import type { UpdateGcpAuthDto } from './dto/gcp-auth.dtos';

/** `gce` for identity tokens that Google signs, `iam` for tokens that are signed with a key of a service account. */
export const GCP_TYPES = ['gce', 'iam'] as const;
export type GcpType = (typeof GCP_TYPES)[number];

/** The settings of GCP Auth besides the policy of its tokens. The lists are separated by commas, and compared exactly. */
export interface GcpAuthConfig {
  readonly type: GcpType;
  /** E-mail addresses. Empty for any. */
  readonly allowedServiceAccounts: string;
  /** Ids of projects. Empty for any. Only for `gce`. */
  readonly allowedProjects: string;
  /** Empty for any. Only for `gce`. */
  readonly allowedZones: string;
}

const EMPTY: GcpAuthConfig = { type: 'gce', allowedServiceAccounts: '', allowedProjects: '', allowedZones: '' };

/** The settings with an input laid over them: null clears, absence keeps (decision 27). @throws ValidationFailureError */
export function mergeSettings(input: UpdateGcpAuthDto, stored?: MethodSettings): MethodSettings<GcpAuthConfig> {
  const laid = laidOver(stored ? readSettings(stored) : EMPTY, input, EMPTY);
  const config: GcpAuthConfig = {
    type: laid.type,
    allowedServiceAccounts: normalList(laid.allowedServiceAccounts),
    allowedProjects: normalList(laid.allowedProjects),
    allowedZones: normalList(laid.allowedZones),
  };
  const issues = [...issuesOfLists(config), ...issuesOfType(config)];
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return { config };
}

/** Settings as the database has them. @throws UnreadableValueError where one is missing or of another kind. */
export function readSettings({ config }: MethodSettings): GcpAuthConfig {
  const { type, allowedServiceAccounts, allowedProjects, allowedZones } = config as Partial<GcpAuthConfig>;
  const isWhole =
    GCP_TYPES.includes(type as GcpType) && [allowedServiceAccounts, allowedProjects, allowedZones].every(isText);
  if (!isWhole) throw new UnreadableValueError('settings of GCP Auth');
  return config as GcpAuthConfig;
}

const LISTS = [
  ['allowedServiceAccounts', /^[\w.-]+@[\w.-]+$/, 'Expected e-mail addresses of service accounts'],
  ['allowedProjects', /^[a-z0-9.:-]+$/, 'Expected ids of projects, such as my-project-123'],
  ['allowedZones', /^[a-z0-9-]+$/, 'Expected zones, such as europe-west1-b'],
] as const;

function issuesOfLists(config: GcpAuthConfig): ValidationIssue[] {
  const wrong = LISTS.filter(([name, form]) => !entriesOf(config[name]).every((entry) => form.test(entry)));
  return wrong.map(([name, , message]) => issue([name], message));
}

function issuesOfType(config: GcpAuthConfig): ValidationIssue[] {
  const { type, allowedServiceAccounts: accounts, allowedProjects: projects } = config;
  const unbound = accounts === '' && (type === 'iam' || projects === '');
  const limits = (['allowedProjects', 'allowedZones'] as const).filter((name) => type === 'iam' && config[name] !== '');
  return [
    ...limits.map((name) => issue([name], 'Only with the type gce: other tokens do not say where they come from')),
    ...(unbound ? [issue(['allowedServiceAccounts'], UNBOUND[type])] : []),
  ];
}

/** A zone has machines of every customer. */
const UNBOUND: Readonly<Record<GcpType, string>> = {
  iam: 'Name service accounts: else every service account of Google Cloud logs in',
  gce: 'Name service accounts or projects: else every customer of Google Cloud logs in',
};
