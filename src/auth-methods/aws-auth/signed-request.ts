import { createHash } from 'node:crypto';
import { NO_CHINA } from './aws-auth.config';
import { InvalidRegionError, RequestDateError, SignedRequestError } from './aws-auth.errors';

// AWS Signature Version 4 as far as one request of it is concerned. The signature itself is checked by AWS alone.

/** A request as a caller sends it: in Base64. Its method can only be POST. */
export interface SentRequest {
  readonly iamRequestBody: string;
  readonly iamRequestHeaders: string;
}

/** A request for `GetCallerIdentity` that the caller has signed, as it is passed on. */
export interface SignedRequest {
  /** The STS that it is signed for. */
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signedAt: Date;
  /** The same for the same request only. */
  readonly signature: string;
}

/** How long a request is good for, and how far in the future its date may be: clocks differ. */
export const WINDOW_SECONDS = 300;
const SKEW_SECONDS = 60;

const BODIES = ['Action=GetCallerIdentity&Version=2011-06-15', 'Version=2011-06-15&Action=GetCallerIdentity'] as const;
const FORM = 'application/x-www-form-urlencoded';

/** The headers that are passed on. No other one reaches AWS. */
const PASSED_ON = new Set([
  ...['authorization', 'host', 'content-type', 'content-length', 'user-agent'],
  ...['x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256'],
]);
/** The headers that change what a request is or when: they must be signed, where they are there. */
const TO_BE_SIGNED = ['host', 'x-amz-date', 'x-amz-security-token'];

type Headers = Readonly<Record<string, string>>;

/** Reads the request, and refuses every one that is not exactly what may be passed on. @throws SignedRequestError, InvalidRegionError */
export function readSignedRequest(sent: SentRequest): SignedRequest {
  const body = bodyIn(sent.iamRequestBody);
  const given = headersIn(sent.iamRequestHeaders);
  const { authorization = '' } = given;
  const { date, region, signedHeaders, signature } = authorizationIn(authorization);
  requireSigned(given, signedHeaders);
  requireOfBody(given, body);
  const host = hostIn(given, region);
  const headers = { 'content-type': FORM, ...given, host, 'content-length': String(body.length) };
  return { host, headers, body, signedAt: signedAtIn(given, date), signature };
}

/** @throws RequestDateError */
export function requireRecent({ signedAt }: SignedRequest, now: Date): void {
  const age = (now.getTime() - signedAt.getTime()) / 1_000;
  if (age > WINDOW_SECONDS) throw new RequestDateError('expired');
  if (age < -SKEW_SECONDS) throw new RequestDateError('not_yet_valid');
}

function bodyIn(text: string): string {
  const body = decoded('iamRequestBody', text);
  if ((BODIES as readonly string[]).includes(body)) return body;
  throw new SignedRequestError(`iamRequestBody must be ${BODIES[0]}, in Base64`);
}

function decoded(name: string, text: string): string {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new SignedRequestError(`${name} must be in Base64`);
  return Buffer.from(text, 'base64').toString();
}

/** The headers that are passed on, by their names in lower case. The others are left out. */
function headersIn(text: string): Headers {
  const entries = Object.entries(objectIn(decoded('iamRequestHeaders', text))).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  if (new Set(entries.map(([name]) => name)).size < entries.length) {
    throw new SignedRequestError('iamRequestHeaders must have each header once');
  }
  const passedOn = entries.filter(([name]) => PASSED_ON.has(name));
  return Object.fromEntries(passedOn.map(([name, value]) => [name, textIn(name, value)]));
}

function objectIn(text: string): object {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // As for JSON of another kind.
  }
  throw new SignedRequestError(
    'iamRequestHeaders must be a JSON object in Base64, the value of each header by its name',
  );
}

/** One line of printable characters: anything else could become a header of its own. */
function textIn(name: string, value: unknown): string {
  if (typeof value === 'string' && /^[\x20-\x7e]+$/.test(value)) return value;
  throw new SignedRequestError(`The header ${name} must be one line of text`);
}

const CREDENTIAL = '\\w{1,128}/(?<date>\\d{8})/(?<region>[^/,\\s]+)/(?<service>\\w+)/aws4_request';
const AUTHORIZATION = new RegExp(
  `^AWS4-HMAC-SHA256 Credential=${CREDENTIAL}, ?SignedHeaders=(?<names>[a-z0-9;-]+), ?Signature=(?<signature>[0-9a-f]{64})$`,
);

/** The parts of the header. One spelling only is taken: a request that is spelt otherwise would not be known again. */
function authorizationIn(header: string) {
  const parts = AUTHORIZATION.exec(header)?.groups as Parts | undefined;
  if (!parts) throw new SignedRequestError('The header authorization must be one of AWS4-HMAC-SHA256');
  if (parts.service !== 'sts') throw new SignedRequestError('The request must be signed for the service sts');
  requireRegion(parts.region);
  return { ...parts, signedHeaders: parts.names.split(';') };
}

type Parts = Readonly<Record<'date' | 'region' | 'service' | 'names' | 'signature', string>>;

function requireRegion(region: string): void {
  if (region.startsWith('cn-')) throw new InvalidRegionError(NO_CHINA);
  // Regions of their own partitions have other domains.
  const isIsolated = /^[a-z]{2}-iso/.test(region);
  if (isIsolated || region.length > 20 || !/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) throw new InvalidRegionError();
}

function requireSigned(headers: Headers, signedHeaders: readonly string[]): void {
  const unsigned = TO_BE_SIGNED.find((name) => !signedHeaders.includes(name) && (name in headers || name === 'host'));
  if (unsigned !== undefined) throw new SignedRequestError(`The header ${unsigned} must be signed`);
  if (signedHeaders.every((name) => PASSED_ON.has(name)) && new Set(signedHeaders).size === signedHeaders.length)
    return;
  throw new SignedRequestError(`No other headers may be signed than ${[...PASSED_ON].join(', ')}, each once`);
}

/** The headers about the body must be true of it. */
function requireOfBody(headers: Headers, body: string): void {
  const { 'content-length': length, 'content-type': type, 'x-amz-content-sha256': digest } = headers;
  if (length !== undefined && length !== String(body.length)) {
    throw new SignedRequestError('The header content-length must be the length of the body');
  }
  if (type !== undefined && !/^application\/x-www-form-urlencoded(; ?charset=utf-8)?$/i.test(type)) {
    throw new SignedRequestError(`The header content-type must be ${FORM}`);
  }
  if (digest !== undefined && digest !== createHash('sha256').update(body).digest('hex')) {
    throw new SignedRequestError('The header x-amz-content-sha256 must be the digest of the body');
  }
}

/** The STS of the region. Outside of GovCloud, there is one for all regions as well. */
function hostIn({ host }: Headers, region: string): string {
  const regional = `sts.${region}.amazonaws.com`;
  const hosts = region.startsWith('us-gov-') ? [regional] : [regional, 'sts.amazonaws.com'];
  if (host === undefined) return regional;
  if (hosts.includes(host)) return host;
  throw new SignedRequestError(`The header host must be ${hosts.join(' or ')}`);
}

function signedAtIn({ 'x-amz-date': text = '' }: Headers, date: string): Date {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z');
  const signedAt = new Date(iso);
  // A date that does not exist, such as the 30th of February, would be another one.
  const isDate = iso !== text && !Number.isNaN(signedAt.getTime()) && signedAt.toISOString() === iso;
  if (isDate && text.startsWith(date)) return signedAt;
  throw new SignedRequestError('The header x-amz-date must be the time of the signature, such as 20261129T120000Z');
}
