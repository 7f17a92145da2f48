/** The ways an identity can come by an access token that this release knows, in the order they are answered. */
export const AUTH_METHODS = ['token-auth'] as const;

export type AuthMethodName = (typeof AUTH_METHODS)[number];
