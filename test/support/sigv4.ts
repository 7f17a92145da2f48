import { createHash, createHmac } from 'node:crypto';

// Signature Version 4 of AWS, as its documentation describes it. Latchkey itself computes no signature.

/** A key of a user, or of a session, which has a token as well. */
export interface AwsKey {
  readonly id: string;
  readonly secret: string;
  readonly token?: string;
}

/** The parts of a request that are signed. */
export interface Signable {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signedHeaders: readonly string[];
  readonly body: string;
}

/** What the signature is for: `20261129/us-east-1/sts/aws4_request`. */
export interface Scope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

export const scopeOf = ({ date, region, service }: Scope) => `${date}/${region}/${service}/aws4_request`;

/** A header that is named and not there counts as empty. */
function canonical({ method, path, query, headers, signedHeaders, body }: Signable): string {
  const lines = signedHeaders.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`);
  return [method, path, query, lines.join(''), signedHeaders.join(';'), sha256(body)].join('\n');
}

/** The signature of a request that has the header `x-amz-date`. */
export function signatureOf(request: Signable, secret: string, scope: Scope): string {
  const { date, region, service } = scope;
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  const { 'x-amz-date': at = '' } = request.headers;
  const text = ['AWS4-HMAC-SHA256', at, scopeOf(scope), sha256(canonical(request))].join('\n');
  return hmac(key, text).toString('hex');
}
