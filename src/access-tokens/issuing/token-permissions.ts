/** The permissions of a token itself: by subject the actions, such as `{ files: ['read'] }`. */
export type TokenPermissions = Readonly<Record<string, readonly string[]>>;
