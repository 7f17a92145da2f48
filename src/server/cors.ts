import type { FastifyReply, FastifyRequest } from 'fastify';

const METHODS = 'GET, HEAD, POST, PATCH, DELETE';
/** The headers of an answer that a script may read. */
const EXPOSED = [
  'WWW-Authenticate',
  'Retry-After',
  'X-Request-Id',
  'RateLimit',
  'RateLimit-Policy',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'ETag',
  'Allow',
].join(', ');
const MAX_AGE_S = '600';

/**
 * Lets the scripts of some origins call (the Fetch standard, "CORS protocol"). Callers are known by a token that they send
 * themselves, so no answer allows credentials: Latchkey does not use a browser's cookies.
 *
 * @returns whether the request was a preflight, and is answered.
 */
export function answerCors(origins: readonly string[], request: FastifyRequest, reply: FastifyReply): boolean {
  if (origins.length === 0) return false;
  const isEverybody = origins.includes('*');
  // Sent with every answer: a cache must not hand the answer for one origin to another.
  if (!isEverybody) reply.header('Vary', 'Origin');
  const { origin } = request.headers;
  if (origin === undefined || !(isEverybody || origins.includes(origin))) return false;
  reply.header('Access-Control-Allow-Origin', isEverybody ? '*' : origin);
  reply.header('Access-Control-Expose-Headers', EXPOSED);
  return answerPreflight(request, reply, isEverybody ? '' : 'Origin, ');
}

function answerPreflight({ method, headers }: FastifyRequest, reply: FastifyReply, vary: string): boolean {
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
  reply.header('Vary', `${vary}Access-Control-Request-Headers`);
  reply.header('Access-Control-Allow-Methods', METHODS);
  // The requested headers: `*` would not include Authorization.
  reply.header(
    'Access-Control-Allow-Headers',
    headers['access-control-request-headers'] ?? 'Authorization, Content-Type',
  );
  reply.header('Access-Control-Max-Age', MAX_AGE_S);
  void reply.status(204).send();
  return true;
}
