/** The examples in the documentation of Universal Auth, besides those that all of Latchkey shares. */
export const CLIENT_EXAMPLE = {
  clientId: '4c7e5e8a-9d5b-4a44-8a4c-2f0b1e7c9a10',
  clientSecretId: 'a0b1c2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4d',
  clientSecret: '9f2c41d07be85a36c1f04d9e72b8a5630e1d7c4f9a2b86503df1e7c8a4b09d25',
} as const;
