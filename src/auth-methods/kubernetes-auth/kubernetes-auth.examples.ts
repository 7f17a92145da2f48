/** The examples in the documentation of Kubernetes Auth. */
export const KUBERNETES_EXAMPLE = {
  host: 'https://kubernetes.example:6443',
  namespaces: 'payments',
  names: 'api, worker-*',
  audience: 'latchkey',
  jwt: 'paste the token of a service account',
} as const;
