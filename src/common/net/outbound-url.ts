import { OutboundError } from './outbound.errors';

const HTTPS_PORT = 443;
const LAST_SYSTEM_PORT = 1_023;
/** Data stores that speak TLS: nothing that a login is proved with listens there. */
const STORE_PORTS = new Set([2379, 2380, 3306, 5432, 6379, 6432, 9042, 11211, 27017]);

/** A URL that may be asked, as far as its text says. @throws OutboundError */
export function requireUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') throw new OutboundError('url_refused');
  requirePort(url);
  return url;
}

/** A URL that the operator has set, as far as its text says: http and every port are allowed. @throws OutboundError */
export function requireOperatorUrl(text: string): URL {
  if (!isServiceUrl(text)) throw new OutboundError('url_refused');
  return new URL(text);
}

/** Whether a text is the URL of a service: http or https, without user, query or fragment. */
export function isServiceUrl(text: unknown): text is string {
  if (typeof text !== 'string' || !URL.canParse(text) || /[?#\s]/.test(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username + password === '';
}

function requirePort({ port: text }: URL): void {
  const port = text === '' ? HTTPS_PORT : Number(text);
  const isSystemPort = port <= LAST_SYSTEM_PORT && port !== HTTPS_PORT;
  if (isSystemPort || STORE_PORTS.has(port)) throw new OutboundError('url_refused');
}
