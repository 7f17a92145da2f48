import type * as http from 'node:http';
import { HttpsPeer } from './https-peer';
import { type AwsKey, scopeOf, signatureOf } from './sigv4';

/** Who signs with a key. */
export interface StsCaller {
  readonly Account: string;
  readonly Arn: string;
  readonly UserId: string;
}

interface Asked {
  readonly line: string;
  /** As they came, names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

type Respond = (response: http.ServerResponse) => void;

export const BODY = 'Action=GetCallerIdentity&Version=2011-06-15';
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/(\w+)\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=(\w+)$/;
const WINDOW_MS = 900_000;

/** Answers `GetCallerIdentity` as AWS STS does: it checks signatures, and speaks JSON to those who ask for it. */
export class Sts {
  readonly asked: Asked[] = [];
  private readonly keys = new Map<string, { key: AwsKey; caller: StsCaller }>();

  /** Makes a key known. @returns the key */
  know(key: AwsKey, caller: StsCaller): AwsKey {
    this.keys.set(key.id, { key, caller });
    return key;
  }

  async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const [status, body] = this.answerTo(await this.note(request));
    const isJson = request.headers.accept === 'application/json';
    const text = isJson ? JSON.stringify(body) : '<GetCallerIdentityResponse/>';
    response.writeHead(status, { 'content-type': isJson ? 'application/json' : 'text/xml' }).end(text);
  }

  async note(request: http.IncomingMessage): Promise<Asked> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method, url, rawHeaders, headers } = request;
    const asked: Asked = { line: `${method} ${url}`, rawHeaders, headers, body: Buffer.concat(chunks).toString() };
    this.asked.push(asked);
    return asked;
  }

  private answerTo(asked: Asked): [number, object] {
    const fault = this.faultOf(asked);
    if (fault !== undefined)
      return [403, { Error: { Code: fault, Message: 'refused', Type: 'Sender' }, RequestId: 'r' }];
    const { id } = partsOf(asked)!;
    const { caller } = this.keys.get(id)!;
    return [
      200,
      { GetCallerIdentityResponse: { GetCallerIdentityResult: caller, ResponseMetadata: { RequestId: 'r' } } },
    ];
  }

  private faultOf(asked: Asked): string | undefined {
    const parts = partsOf(asked);
    if (!parts) return 'IncompleteSignature';
    const known = this.keys.get(parts.id);
    if (!known || (asked.headers['x-amz-security-token'] ?? '') !== (known.key.token ?? ''))
      return 'InvalidClientTokenId';
    if (asked.line !== 'POST /' || asked.body !== BODY) return 'InvalidAction';
    if (signed(asked, parts, known.key.secret) !== parts.signature) return 'SignatureDoesNotMatch';
    return Math.abs(Date.now() - parts.at) > WINDOW_MS ? 'SignatureDoesNotMatch' : undefined;
  }
}

/** An STS on a server without TLS, which can also answer otherwise. */
export class StsPeer {
  /** Answers every request instead; undefined for the answers of STS. */
  respond: Respond | undefined;
  readonly sts = new Sts();

  private constructor(private readonly server: HttpsPeer) {
    server.answer = (request, response) => void this.serve(request, response);
  }

  static async start(): Promise<StsPeer> {
    return new StsPeer(await HttpsPeer.start({ isPlain: true }));
  }

  get url(): string {
    return this.server.url;
  }

  get asked(): readonly Asked[] {
    return this.sts.asked;
  }

  /** Answers JSON, whatever is asked. */
  say(body: unknown, status = 200): void {
    this.respond = (response) => void response.writeHead(status).end(JSON.stringify(body));
  }

  /** Lets the process end while it listens. */
  unref(): void {
    this.server.unref();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (!this.respond) return this.sts.serve(request, response);
    await this.sts.note(request);
    this.respond(response);
  }
}

function partsOf({ headers }: Asked) {
  const [, id, date, region, service, names, signature] = AUTHORIZATION.exec(headers.authorization ?? '') ?? [];
  if (id === undefined) return undefined;
  const at = String(headers['x-amz-date']).replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const scope = { date: date!, region: region!, service: service! };
  return { id, scope, signedHeaders: names!.split(';'), signature: signature!, at: Date.parse(at) };
}

function signed({ headers, body }: Asked, parts: NonNullable<ReturnType<typeof partsOf>>, secret: string): string {
  const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const { signedHeaders, scope } = parts;
  return signatureOf({ method: 'POST', path: '/', query: '', headers: texts, signedHeaders, body }, secret, scope);
}

/** What a client may do otherwise than the official ones. */
export interface Signing {
  readonly region?: string;
  readonly service?: string;
  readonly at?: Date;
  readonly body?: string;
  /** Headers that are signed, over those of the official clients; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Headers that are sent, and not signed. */
  readonly unsigned?: Readonly<Record<string, unknown>>;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** The body of a login, as the official clients make it: without the identity. */
export function signedLogin(key: AwsKey, signing: Signing = {}): { iamRequestBody: string; iamRequestHeaders: string } {
  const { region = 'us-east-1', service = 'sts', at = new Date(), body = BODY, unsigned = {} } = signing;
  const stamp = at.toISOString().replace(/[-:]|\.\d+/g, '');
  const wanted = {
    ...{ host: `sts.${region}.amazonaws.com`, 'content-length': String(body.length), 'x-amz-date': stamp },
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    ...(key.token === undefined ? {} : { 'x-amz-security-token': key.token }),
    ...signing.headers,
  };
  const headers = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
  const signedHeaders = Object.keys(headers).sort();
  const scope = { date: stamp.slice(0, 8), region, service };
  const signature = signatureOf(
    { method: 'POST', path: '/', query: '', headers, signedHeaders, body },
    key.secret,
    scope,
  );
  const authorization = [
    `AWS4-HMAC-SHA256 Credential=${key.id}/${scopeOf(scope)}`,
    `SignedHeaders=${signedHeaders.join(';')}`,
    `Signature=${signature}`,
  ].join(', ');
  const sent = { ...headers, Authorization: authorization, ...unsigned };
  return { iamRequestBody: base64(body), iamRequestHeaders: base64(JSON.stringify(sent)) };
}
