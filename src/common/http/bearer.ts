/** The parts of a request a bearer token is read from. */
export interface RequestWithHeaders extends HeadersAsSent {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Node's own request, where the framework wraps it. */
  readonly raw?: HeadersAsSent;
}

interface HeadersAsSent {
  readonly headersDistinct?: Readonly<NodeJS.Dict<string[]>>;
}

/**
 * The token of `Authorization: Bearer <token>` (RFC 6750 section 2.1, the scheme in any case). Undefined when the header is
 * absent, empty or of another scheme: then the caller has not tried to authenticate with a token.
 */
export function bearerToken(request: RequestWithHeaders): string | undefined {
  const header = authorization(request);
  return header === undefined ? undefined : /^bearer +(\S.*)$/i.exec(header.trim())?.[1];
}

/**
 * Node keeps the first of two Authorization headers, a proxy on the way may have looked at the second. Joined, as RFC 9110
 * section 5.3 has it, they are a list, and a list is no token.
 */
function authorization({ headers, headersDistinct, raw }: RequestWithHeaders): string | undefined {
  const all = (headersDistinct ?? raw?.headersDistinct)?.authorization ?? [headers.authorization].flat();
  return all[0] === undefined ? undefined : all.join(', ');
}
