/** The examples in the documentation of JWT Auth. The private half of the key was thrown away. */
export const JWT_EXAMPLE = {
  publicKey:
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAqrKjFpJFcckx9Hp52JLNy/f4vIHk2HkrbCRUq9ESMJ8=\n-----END PUBLIC KEY-----\n',
  issuer: 'https://issuer.example',
  subject: 'build:*',
  audiences: 'latchkey',
  claims: { branch: 'main, release-*' },
  jwt: 'paste a JWT that the key has signed',
} as const;
