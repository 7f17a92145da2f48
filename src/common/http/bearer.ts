/** The parts of a request a bearer token is read from. */
export interface RequestWithHeaders {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/**
 * The token of `Authorization: Bearer <token>` (RFC 6750 section 2.1, the scheme in any case). Undefined when the header is
 * absent, empty or of another scheme: then the caller has not tried to authenticate with a token.
 */
export function bearerToken(request: RequestWithHeaders): string | undefined {
  const header = request.headers.authorization;
  if (typeof header !== 'string') return undefined;
  return /^bearer +(\S.*)$/i.exec(header.trim())?.[1];
}
