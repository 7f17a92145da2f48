/** Facts about the workload behind an identity, found out when it logged in: `{ kubernetes: { namespace, name } }`. */
export type IdentityAuth = Readonly<Record<string, unknown>>;

/** What a JWT says about the token it stands for (contract 3.1). Clients peek at these; Latchkey itself asks the row. */
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
