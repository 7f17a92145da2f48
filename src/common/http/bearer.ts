/** The parts of a request from which a bearer token is read. */
export interface RequestWithHeaders extends HeadersAsSent {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Node's own request, where the framework wraps it. */
  readonly raw?: HeadersAsSent;
}

interface HeadersAsSent {
  /** Names and values in turn, in the order of arrival. */
  readonly rawHeaders?: readonly string[];
}

/**
 * The token of `Authorization: Bearer <token>` (RFC 6750 section 2.1, the scheme in any case). Undefined when the header is
 * absent, empty or of another scheme: then the caller did not try to authenticate with a token.
 */
export function bearerToken(request: RequestWithHeaders): string | undefined {
  const header = authorization(request);
  if (header === undefined) return undefined;
  return isPlain(header) ? header.slice(PLAIN.length) : tokenIn(header.trim());
}

/** The text of a header, its name in lower case. Undefined when it is absent or empty. A header sent twice is a list. */
export function headerText({ headers }: RequestWithHeaders, name: string): string | undefined {
  return joined(headers[name]) || undefined;
}

const PLAIN = 'Bearer ';

/** The usual spelling, in which nothing needs to be searched or trimmed. */
function isPlain(header: string): boolean {
  return header.startsWith(PLAIN) && isGraphic(header, PLAIN.length) && isGraphic(header, header.length - 1);
}

function isGraphic(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code > 0x20 && code < 0x7f;
}

/** Cuts the token out. A capturing expression would read it letter by letter, on every request. */
function tokenIn(credentials: string): string | undefined {
  return /^bearer +\S/i.test(credentials) ? credentials.slice('bearer '.length).trimStart() : undefined;
}

/**
 * Node keeps the first of two Authorization headers; a proxy in between may have looked at the second. Joined, as RFC 9110
 * section 5.3 says, they are a list, and a list is not a token.
 */
function authorization(request: RequestWithHeaders): string | undefined {
  const rawHeaders = request.rawHeaders ?? request.raw?.rawHeaders ?? [];
  return authorizationAsSent(rawHeaders) ?? joined(request.headers.authorization);
}

/** `headersDistinct` would say so too, but it makes a list of every header. */
function authorizationAsSent(rawHeaders: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (!isAuthorization(name)) continue;
    found = joined(found === undefined ? rawHeaders[at + 1] : [found, rawHeaders[at + 1]!]);
  }
  return found;
}

function isAuthorization(name: string): boolean {
  if (name.length !== 'authorization'.length) return false;
  return name === 'Authorization' || name.toLowerCase() === 'authorization';
}

function joined(values: string | string[] | undefined): string | undefined {
  return Array.isArray(values) ? values[0] && values.join(', ') : values;
}
