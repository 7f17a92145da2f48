/**
 * The ways in which an identity can obtain an access token, in the order of the contract (section 0). The list is complete, so
 * that a method that is added later has its place already. Methods of a host are not in it, and come last.
 */
export const AUTH_METHODS = [
  'universal-auth',
  'gcp-auth',
  'alicloud-auth',
  'aws-auth',
  'kubernetes-auth',
  'oci-auth',
  'oidc-auth',
  'azure-auth',
  'token-auth',
  'jwt-auth',
  'ldap-auth',
  'tls-cert-auth',
  'spiffe-auth',
] as const;
