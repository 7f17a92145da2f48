/** Facts about the workload behind an identity, found at its login: `{ kubernetes: { namespace, name } }`. */
export type IdentityAuth = Readonly<Record<string, unknown>>;

/** The claims of a JWT about its token (contract 3.1). Clients read them; Latchkey itself reads the row. */
export interface AccessTokenClaims {
  /** The id of the token's row. */
  readonly jti: string;
  readonly identityAccessTokenId: string;
  readonly iat: number;
  /** Absent only when there is no ceiling and neither a TTL nor a max TTL (decisions 2). */
  readonly exp?: number;
  readonly authTokenType: typeof IDENTITY_ACCESS_TOKEN;
  readonly identityId: string;
  readonly identityName: string;
  readonly authMethod: string;
  readonly identityAuth: IdentityAuth;
  readonly orgId: string;
  readonly rootOrgId: string;
  readonly parentOrgId: string;
  readonly clientSecretId: string;
  readonly ipRestrictionEnabled: boolean;
  readonly accessTokenTTL: number;
  readonly accessTokenMaxTTL: number;
  readonly accessTokenPeriod: number;
  readonly creationEpoch: number;
  readonly numUsesLimit?: number;
}

export const IDENTITY_ACCESS_TOKEN = 'identityAccessToken';
