import type { TokenPermissions } from '../issuing/token-permissions';

/** The organization of a caller. */
export interface CallerOrganization {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  /** The host's own id of the tenant; null if it gave none. */
  readonly externalId: string | null;
}

/** The caller: the facts of a verified access token, taken from the database and not from the JWT. */
export interface VerifiedAccessToken {
  readonly tokenId: string;
  readonly tokenName: string | null;
  readonly identityId: string;
  readonly identityName: string;
  readonly organization: CallerOrganization;
  /** The labels of the identity, such as the host's own id of a customer. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The slug of the identity's role in the organization. */
  readonly role: string;
  /**
   * The permissions that the token was given; null if it has those of the role. A token with permissions of its own has no other
   * permission of the host, and of Latchkey's own only those that the role has too.
   */
  readonly permissions: TokenPermissions | null;
  /** The host's own id of the token; null if it gave none. */
  readonly externalId: string | null;
  /** The labels of the token itself. */
  readonly tokenMetadata: Readonly<Record<string, string>>;
  /** Whether the caller may manage organizations. Never with permissions of its own. */
  readonly isInstanceAdmin: boolean;
  /** The slug of the auth method that issued the token, such as `token-auth`. */
  readonly authMethod: string;
  /** When the token ends, also when another one takes its place; null if never. */
  readonly expiresAt: Date | null;
  /**
   * Whether the caller has a permission, as `@RequirePermission` would ask: `caller.can('read', 'files')`.
   *
   * @throws TypeError for a permission that is not declared in the option `permissions` and that the caller does not have.
   */
  can(action: string, subject: string): boolean;
}
