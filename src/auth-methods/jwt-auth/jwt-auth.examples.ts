/** A key for the documentation of JWT Auth. The private half was thrown away. */
export const PUBLIC_KEY_EXAMPLE =
  '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAqrKjFpJFcckx9Hp52JLNy/f4vIHk2HkrbCRUq9ESMJ8=\n-----END PUBLIC KEY-----\n';
