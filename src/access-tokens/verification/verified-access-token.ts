/** The caller: the facts of a verified access token, taken from the database and not from the JWT. */
export interface VerifiedAccessToken {
  readonly tokenId: string;
  readonly tokenName: string | null;
  readonly identityId: string;
  readonly identityName: string;
  readonly organization: { readonly id: string; readonly name: string; readonly slug: string };
  /** The labels of the identity, such as the host's own id of a customer. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The slug of the identity's role in the organization. */
  readonly role: string;
  /** Whether the identity may manage organizations. */
  readonly isInstanceAdmin: boolean;
  /** The slug of the auth method that issued the token, such as `token-auth`. */
  readonly authMethod: string;
  /** Null for a token that never expires. */
  readonly expiresAt: Date | null;
}
