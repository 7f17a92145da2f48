/** The examples in the documentation of Azure Auth. */
export const AZURE_EXAMPLE = {
  tenant: '11111111-2222-4333-8444-555555555555',
  resource: 'https://management.azure.com/',
  principals: '99999999-8888-4777-8666-555555555555',
} as const;
