import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import type { MethodSettings } from '../auth-method';
import { entriesOf, normalList } from '../federation/claim-rules';
import { issue, isText, laidOver } from '../federation/settings';
import type { UpdateAzureAuthDto } from './dto/azure-auth.dtos';

/** The settings of Azure Auth besides the policy of its tokens. */
export interface AzureAuthConfig {
  readonly tenantId: string;
  /** The audience of the tokens. */
  readonly resource: string;
  /** Object ids, separated by commas. Empty for any. */
  readonly allowedServicePrincipalIds: string;
}

const EMPTY: AzureAuthConfig = { tenantId: '', resource: '', allowedServicePrincipalIds: '' };

/** The settings with an input laid over them: null clears, absence keeps (decision 27). @throws ValidationFailureError */
export function mergeSettings(input: UpdateAzureAuthDto, stored?: MethodSettings): MethodSettings<AzureAuthConfig> {
  const laid = laidOver(stored ? readSettings(stored) : EMPTY, input, EMPTY);
  const config = { ...laid, allowedServicePrincipalIds: normalList(laid.allowedServicePrincipalIds) };
  const issues = issuesOf(config);
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return { config };
}

/** Settings as the database has them. @throws UnreadableValueError where one is missing or of another kind. */
export function readSettings({ config }: MethodSettings): AzureAuthConfig {
  const { tenantId, resource, allowedServicePrincipalIds } = config as Partial<AzureAuthConfig>;
  if (![tenantId, resource, allowedServicePrincipalIds].every(isText)) {
    throw new UnreadableValueError('settings of Azure Auth');
  }
  return config as AzureAuthConfig;
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function issuesOf({ tenantId, resource, allowedServicePrincipalIds }: AzureAuthConfig): ValidationIssue[] {
  const principals = entriesOf(allowedServicePrincipalIds);
  const unbound = 'Name service principals, or a resource of your own: else every workload of the tenant logs in';
  return [
    ...(GUID.test(tenantId) ? [] : [issue(['tenantId'], 'Expected the id of a tenant, and not a name such as common')]),
    ...(principals.every((id) => GUID.test(id))
      ? []
      : [issue(['allowedServicePrincipalIds'], 'Expected object ids of service principals')]),
    ...(principals.length > 0 || isOwn(resource) ? [] : [issue(['allowedServicePrincipalIds'], unbound)]),
  ];
}

/**
 * Whether a resource belongs to the tenant (decision 28). Entra ID issues tokens for an `api://` name to the workloads of the tenant
 * that registered it. Microsoft has a resource with such a name too. An https name, and an id alone, could be Microsoft's.
 */
function isOwn(resource: string): boolean {
  return /^api:\/\/[^/]/i.test(resource) && !/^api:\/\/AzureADTokenExchange/i.test(resource);
}
