/** An issuer and its tokens, as the documentation shows them. */
export const ISSUER_EXAMPLE = {
  issuer: 'https://issuer.example',
  subject: 'build:*',
  audiences: 'latchkey',
  claims: { branch: 'main, release-*' },
  jwt: 'paste a JWT that the issuer has signed',
} as const;
