/**
 * The ways an identity can come by an access token, in the order the contract answers them (section 0). The whole list, so
 * that a method which is added later already has its place. Those of a host's own have none, and come last.
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
