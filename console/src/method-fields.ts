/** The settings of each auth method as data: a form is made of them, and a test compares them with the API document. */
export interface MethodField {
  readonly name: string;
  readonly label: string;
  readonly kind: 'text' | 'lines' | 'seconds' | 'count' | 'flag' | 'choice' | 'networks' | 'pairs' | 'secret';
  readonly help?: string;
  readonly options?: readonly (readonly [string, string])[];
  readonly isRequired?: boolean;
  /** The value of a new configuration; left out for that of the server. */
  readonly initial?: string | boolean;
}

export interface MethodForm {
  readonly slug: string;
  /** The field of the answer that holds the configuration. */
  readonly answer: string;
  readonly about: string;
  readonly fields: readonly MethodField[];
}

const LIMITS: readonly MethodField[] = [
  {
    name: 'accessTokenTTL',
    label: 'A token lives (seconds)',
    kind: 'seconds',
    initial: '2592000',
    help: 'Until it must be renewed. 2592000 is 30 days.',
  },
  {
    name: 'accessTokenMaxTTL',
    label: 'Renewable up to (seconds)',
    kind: 'seconds',
    initial: '2592000',
    help: 'Over all renewals. 0 for no limit.',
  },
  {
    name: 'accessTokenNumUsesLimit',
    label: 'Most uses of a token',
    kind: 'count',
    initial: '0',
    help: '0 for no limit.',
  },
  {
    name: 'accessTokenTrustedIps',
    label: 'Networks from which a token may be used',
    kind: 'networks',
    initial: '0.0.0.0/0\n::/0',
    help: 'One a line, such as 203.0.113.0/24. 0.0.0.0/0 and ::/0 are the whole world.',
  },
];

const PERIOD: MethodField = {
  name: 'accessTokenPeriod',
  label: 'Period (seconds)',
  kind: 'seconds',
  initial: '0',
  help: 'A periodic token lives as long as it is renewed within this time. 0 for other tokens.',
};

/** A login makes a token whenever it wants: an hour is enough. */
const LOGIN_LIMITS: readonly MethodField[] = [
  ...LIMITS.map((field) =>
    field.name === 'accessTokenTTL'
      ? { ...field, initial: '3600', help: 'Until it must be renewed. 3600 is an hour.' }
      : field,
  ),
  PERIOD,
];

const TRUST: readonly MethodField[] = [
  {
    name: 'boundSubject',
    label: 'Subject',
    kind: 'text',
    help: 'The `sub` that a JWT must have. * stands for any text.',
  },
  {
    name: 'boundAudiences',
    label: 'Audiences',
    kind: 'text',
    help: 'Separated by commas: one of them must be in `aud`.',
  },
  { name: 'boundClaims', label: 'Claims', kind: 'pairs', help: 'One a line: claim=value. A JWT must have each.' },
];

export const METHOD_FORMS: readonly MethodForm[] = [
  {
    slug: 'token-auth',
    answer: 'identityTokenAuth',
    about: 'Tokens that people make by hand.',
    fields: LIMITS,
  },
  {
    slug: 'universal-auth',
    answer: 'identityUniversalAuth',
    about: 'A login with a client id and a client secret.',
    fields: [
      ...LOGIN_LIMITS,
      {
        name: 'clientSecretTrustedIps',
        label: 'Networks from which one may log in',
        kind: 'networks',
        initial: '0.0.0.0/0\n::/0',
      },
      { name: 'lockoutEnabled', label: 'Lock the login after wrong secrets', kind: 'flag', initial: true },
      { name: 'lockoutThreshold', label: 'Wrong secrets that lock', kind: 'count', initial: '3' },
      { name: 'lockoutDurationSeconds', label: 'A lock lasts (seconds)', kind: 'seconds', initial: '300' },
      {
        name: 'lockoutCounterResetSeconds',
        label: 'The count is forgotten after (seconds)',
        kind: 'seconds',
        initial: '30',
      },
    ],
  },
  {
    slug: 'jwt-auth',
    answer: 'identityJwtAuth',
    about: 'A login with a JWT that an issuer of yours has signed.',
    fields: [
      {
        name: 'configurationType',
        label: 'Keys of the issuer',
        kind: 'choice',
        initial: 'jwks',
        options: [
          ['jwks', 'from an address (JWKS)'],
          ['static', 'public keys given here'],
        ],
      },
      { name: 'jwksUrl', label: 'Address of the keys', kind: 'text', help: 'For keys from an address: https://…' },
      { name: 'jwksCaCert', label: 'CA of that address (PEM)', kind: 'secret' },
      {
        name: 'publicKeys',
        label: 'Public keys (PEM)',
        kind: 'lines',
        help: 'One after the other, for keys given here.',
      },
      { name: 'boundIssuer', label: 'Issuer', kind: 'text', help: 'The `iss` that a JWT must have.' },
      ...TRUST,
      ...LOGIN_LIMITS,
    ],
  },
  {
    slug: 'oidc-auth',
    answer: 'identityOidcAuth',
    about: 'A login with the ID token of a CI system or another OpenID provider.',
    fields: [
      {
        name: 'oidcDiscoveryUrl',
        label: 'Address of the provider',
        kind: 'text',
        isRequired: true,
        help: 'Such as https://token.actions.githubusercontent.com',
      },
      { name: 'boundIssuer', label: 'Issuer', kind: 'text', isRequired: true },
      ...TRUST,
      { name: 'caCert', label: 'CA of the provider (PEM)', kind: 'secret' },
      {
        name: 'claimMetadataMapping',
        label: 'Claims that the token carries',
        kind: 'pairs',
        help: 'One a line: name=claim',
      },
      ...LOGIN_LIMITS,
    ],
  },
  {
    slug: 'kubernetes-auth',
    answer: 'identityKubernetesAuth',
    about: 'A login with the service account token of a pod.',
    fields: [
      { name: 'kubernetesHost', label: 'API server', kind: 'text', help: 'Such as https://kubernetes.example:6443' },
      {
        name: 'allowedNamespaces',
        label: 'Namespaces',
        kind: 'text',
        help: 'Separated by commas. At least these or names.',
      },
      { name: 'allowedNames', label: 'Service accounts', kind: 'text', help: 'Separated by commas.' },
      { name: 'allowedAudience', label: 'Audience', kind: 'text' },
      { name: 'caCert', label: 'CA of the API server (PEM)', kind: 'secret' },
      {
        name: 'tokenReviewerJwt',
        label: 'Token of the reviewer',
        kind: 'secret',
        help: 'Empty: the token of the pod reviews itself.',
      },
      { name: 'verifyTlsCertificate', label: 'Check the certificate of the API server', kind: 'flag', initial: true },
      ...LOGIN_LIMITS,
    ],
  },
  {
    slug: 'aws-auth',
    answer: 'identityAwsAuth',
    about: 'A login with the IAM role of a workload on AWS.',
    fields: [
      {
        name: 'allowedPrincipalArns',
        label: 'Principals',
        kind: 'text',
        help: 'ARNs, separated by commas. * stands for any text.',
      },
      { name: 'allowedAccountIds', label: 'Accounts', kind: 'text', help: 'Twelve digits each, separated by commas.' },
      { name: 'stsEndpoint', label: 'STS endpoint', kind: 'text', help: 'Empty for the usual one.' },
      ...LOGIN_LIMITS,
    ],
  },
  {
    slug: 'gcp-auth',
    answer: 'identityGcpAuth',
    about: 'A login with the service account of a workload on Google Cloud.',
    fields: [
      {
        name: 'type',
        label: 'Kind of token',
        kind: 'choice',
        initial: 'gce',
        options: [
          ['gce', 'ID token of a machine (GCE)'],
          ['iam', 'JWT signed by IAM'],
        ],
      },
      {
        name: 'allowedServiceAccounts',
        label: 'Service accounts',
        kind: 'text',
        help: 'E-mail addresses, separated by commas.',
      },
      { name: 'allowedProjects', label: 'Projects', kind: 'text', help: 'Separated by commas; for machines.' },
      { name: 'allowedZones', label: 'Zones', kind: 'text', help: 'Separated by commas; for machines.' },
      ...LOGIN_LIMITS,
    ],
  },
  {
    slug: 'azure-auth',
    answer: 'identityAzureAuth',
    about: 'A login with the managed identity of a workload on Azure.',
    fields: [
      { name: 'tenantId', label: 'Tenant', kind: 'text', isRequired: true, help: 'The id of the Entra tenant.' },
      { name: 'resource', label: 'Resource', kind: 'text', isRequired: true, help: 'The audience of the token.' },
      {
        name: 'allowedServicePrincipalIds',
        label: 'Service principals',
        kind: 'text',
        help: 'Object ids, separated by commas.',
      },
      ...LOGIN_LIMITS,
    ],
  },
];

export type Given = Readonly<Record<string, string | boolean>>;

/** How a configuration is written in the fields of its form. */
export function fieldsOf({ fields }: MethodForm, configuration: Readonly<Record<string, unknown>> | null): Given {
  return Object.fromEntries(
    fields.map((field) => [
      field.name,
      configuration === null
        ? (field.initial ?? (field.kind === 'flag' ? false : ''))
        : written(field, configuration[field.name]),
    ]),
  );
}

function written({ kind }: MethodField, value: unknown): string | boolean {
  if (kind === 'flag') return value === true;
  if (kind === 'secret' || value === null || value === undefined) return '';
  if (kind === 'networks')
    return (value as { ipAddress: string; prefix?: number }[])
      .map(({ ipAddress, prefix }) => (prefix === undefined ? ipAddress : `${ipAddress}/${prefix}`))
      .join('\n');
  if (kind === 'pairs')
    return Object.entries(value)
      .map(([key, text]) => `${key}=${String(text)}`)
      .join('\n');
  if (kind === 'lines') return (value as string[]).join('\n');
  return String(value as string | number);
}

/** The body of a call that sets what was given. A secret that was left empty stays as it is. */
export function bodyOf({ fields }: MethodForm, given: Given): Record<string, unknown> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = read(field, given[field.name] ?? '');
      return value === undefined ? [] : [[field.name, value]];
    }),
  );
}

function read({ kind, isRequired }: MethodField, given: string | boolean): unknown {
  if (typeof given === 'boolean') return given;
  const text = given.trim();
  if (kind === 'seconds' || kind === 'count') return Number(text || 0);
  if (kind === 'networks') return lines(text).map((ipAddress) => ({ ipAddress }));
  if (kind === 'lines') return text.split(/(?<=-----END [A-Z ]+-----)\s*/).filter(Boolean);
  if (kind === 'pairs')
    return Object.fromEntries(
      lines(text).map((line) => [line.split('=')[0]!.trim(), line.slice(line.indexOf('=') + 1).trim()]),
    );
  if (kind === 'secret' && text === '') return undefined;
  return text === '' && !isRequired ? undefined : text;
}

function lines(text: string): string[] {
  return text.split('\n').flatMap((line) => line.trim() || []);
}
