import { HttpStatus } from '@nestjs/common';
import { EncodedBodyError, RefusedRequestError } from '../errors/common.errors';

/** The common part of Express's, Fastify's and Node's requests. */
export interface RequestWithBody {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders?: readonly string[];
  readonly raw?: { readonly rawHeaders?: readonly string[] };
}

/**
 * Refuses a body that is ambiguous: compressed (Latchkey inflates nothing, decision 34), in a character set other than UTF-8,
 * or of two content types at once, of which a proxy may have looked at the other.
 *
 * @throws EncodedBodyError, RefusedRequestError
 */
export function requirePlainBody(request: RequestWithBody): void {
  const { headers } = request;
  const transfer = headers['transfer-encoding'];
  if (transfer === undefined && !(Number(headers['content-length']) > 0)) return;
  if (!isPlain(transfer, /^\s*(chunked)?\s*$/i) || !isPlain(headers['content-encoding'], /^\s*(identity)?\s*$/i))
    throw new EncodedBodyError();
  if (headers['content-type'] !== undefined) requireOneType(request, String(headers['content-type']));
}

function isPlain(codings: string | string[] | undefined, plain: RegExp): boolean {
  return (
    codings === undefined ||
    String(codings)
      .split(',')
      .every((coding) => plain.test(coding))
  );
}

function requireOneType(request: RequestWithBody, type: string): void {
  if (isSentTwice(request, 'content-type')) throw new RefusedRequestError(HttpStatus.BAD_REQUEST);
  const charset = /;\s*charset\s*=\s*"?([^";,\s]*)/i.exec(type)?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset))
    throw new RefusedRequestError(HttpStatus.UNSUPPORTED_MEDIA_TYPE);
}

/** Node silently keeps the first. */
function isSentTwice({ raw, rawHeaders = raw?.rawHeaders ?? [] }: RequestWithBody, name: string): boolean {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length > 1;
}
