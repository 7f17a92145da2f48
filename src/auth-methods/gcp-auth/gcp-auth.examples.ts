/** The examples in the documentation of GCP Auth. */
export const GCP_EXAMPLE = {
  account: 'deployer@my-project-123.iam.gserviceaccount.com',
  projects: 'my-project-123',
  zones: '',
  jwt: 'paste an identity token of Google',
} as const;
