import { scopeOf, signatureOf } from '../../../test/support/sigv4';
import { BODY, type Signing, signedLogin } from '../../../test/support/sts-peer';
import { readSignedRequest, requireRecent } from './signed-request';

const KEY = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const AT = new Date('2026-11-29T12:00:00Z');
const HOST = 'sts.eu-west-1.amazonaws.com';
const REGION = { region: 'eu-west-1', at: AT };
const DIGEST = 'ab821ae955788b0e33ebd34c208442ccfc2d406e2edc5e7a39bd6458fbb4f843';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const read = (signing: Signing, key: Parameters<typeof signedLogin>[0] = KEY) =>
  readSignedRequest(signedLogin(key, { ...REGION, ...signing }));
const headersOf = (signing: Signing = {}) =>
  JSON.parse(Buffer.from(signedLogin(KEY, { ...REGION, ...signing }).iamRequestHeaders, 'base64').toString()) as Record<
    string,
    string
  >;
const readHeaders = (headers: unknown, body = BODY) =>
  readSignedRequest({ iamRequestBody: base64(body), iamRequestHeaders: base64(JSON.stringify(headers)) });
/** The signature is not looked at here: a request may say of itself what it likes. */
const saying = (authorization: RegExp, instead: string) => {
  const headers = headersOf();
  return () => readHeaders({ ...headers, Authorization: headers.Authorization!.replace(authorization, instead) });
};
const only = (...names: string[]) => expect.stringContaining(names.join(' ')) as string;

describe('the signatures of these tests', () => {
  it('are those of the documentation of AWS', () => {
    const scope = { date: '20150830', region: 'us-east-1', service: 'iam' };
    const headers = {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      host: 'iam.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
    };
    const query = 'Action=ListUsers&Version=2010-05-08';
    const request = { method: 'GET', path: '/', query, headers, signedHeaders: Object.keys(headers), body: '' };
    expect(scopeOf(scope)).toBe('20150830/us-east-1/iam/aws4_request');
    expect(signatureOf(request, KEY.secret, scope)).toBe(
      '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    );
  });
});

describe('a signed request', () => {
  it('is passed on with the headers that belong to it, and no other', () => {
    const unsigned = {
      'User-Agent': 'x',
      'X-Forwarded-For': '1.1.1.1',
      Accept: 'text/xml',
      'Transfer-Encoding': 'chunked',
    };
    const { host, headers, body, signedAt } = read({ unsigned }, { ...KEY, token: 'a token' });
    expect({ host, body, signedAt }).toEqual({ host: HOST, body: BODY, signedAt: AT });
    expect(headers).toEqual({
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\//),
      host: HOST,
      'content-length': '43',
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      'x-amz-date': '20261129T120000Z',
      'x-amz-security-token': 'a token',
      'user-agent': 'x',
    });
  });

  it.each<[string, Signing, string]>([
    ['sdk 5.x', { headers: { 'x-amz-content-sha256': DIGEST } }, HOST],
    [
      'go',
      { headers: { 'content-type': undefined }, unsigned: { 'Content-Type': 'application/x-www-form-urlencoded' } },
      HOST,
    ],
    ['global', { headers: { host: 'sts.amazonaws.com' } }, 'sts.amazonaws.com'],
    ['GovCloud', { region: 'us-gov-west-1' }, 'sts.us-gov-west-1.amazonaws.com'],
    ['local zone', { region: 'ap-southeast-2' }, 'sts.ap-southeast-2.amazonaws.com'],
  ])('is read as clients send it: %s', (_, signing, host) => {
    expect(read(signing).host).toBe(host);
  });

  it('is given what clients leave out: host, type and length', () => {
    const { Authorization, 'x-amz-date': date } = headersOf();
    const { headers } = readHeaders({ authorization: Authorization, 'X-Amz-Date': date });
    expect(headers).toMatchObject({
      host: HOST,
      'content-length': '43',
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(readHeaders(headersOf(), 'Version=2011-06-15&Action=GetCallerIdentity').body).toMatch(/^Version/);
  });

  it.each([
    'Action=AssumeRole&Version=2011-06-15',
    `${BODY}&Action=AssumeRole`,
    `${BODY}&RoleArn=x`,
    `${BODY}\n`,
    'Action=GetCallerIdentity',
    'Action=GetCallerIdentity&Version=2011-06-15;Action=AssumeRole',
    'action=GetCallerIdentity&version=2011-06-15',
    'Action=%47etCallerIdentity&Version=2011-06-15',
  ])('asks for nothing else: %j', (body) => {
    expect(() => read({ body })).toThrow(
      'iamRequestBody must be Action=GetCallerIdentity&Version=2011-06-15, in Base64',
    );
  });

  it.each<[string, Signing, string]>([
    ['host', { headers: { host: 'evil.example' } }, 'The header host must be sts.eu-west-1.amazonaws.com or'],
    ['host', { headers: { host: 'sts.us-east-1.amazonaws.com' } }, 'The header host must be'],
    ['host', { headers: { host: `${HOST}:443` } }, 'The header host must be'],
    ['host', { headers: { host: `${HOST}.evil.example` } }, 'The header host must be'],
    ['host', { headers: { host: `evil.example#${HOST}` } }, 'The header host must be'],
    [
      'host',
      { region: 'us-gov-west-1', headers: { host: 'sts.amazonaws.com' } },
      'must be sts.us-gov-west-1.amazonaws.com',
    ],
    ['region', { region: 's3' }, 'Invalid AWS region'],
    ['region', { region: 'eu-west-1.evil' }, 'Invalid AWS region'],
    ['region', { region: 'EU-WEST-1' }, 'Invalid AWS region'],
    ['region', { region: 'us-iso-east-1' }, 'Invalid AWS region'],
    ['region', { region: 'us-very-far-away-from-here-1' }, 'Invalid AWS region'],
    ['region', { region: 'cn-north-1' }, 'AWS China (aws-cn) is not supported'],
    ['service', { service: 's3' }, 'must be signed for the service sts'],
    ['signed header', { headers: { 'x-amz-target': 'AssumeRole' } }, 'No other headers may be signed'],
    ['signed header', { headers: { 'x-vault-aws-iam-server-id': 'x' } }, 'No other headers may be signed'],
    ['signed header', { headers: { accept: 'x' } }, 'No other headers may be signed'],
    ['length', { headers: { 'content-length': '44' } }, 'content-length must be the length of the body'],
    [
      'type',
      { headers: { 'content-type': 'application/json' } },
      'content-type must be application/x-www-form-urlencoded',
    ],
    ['digest', { headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }, 'x-amz-content-sha256 must be the digest'],
    ['unsigned token', { unsigned: { 'X-Amz-Security-Token': 'x' } }, 'x-amz-security-token must be signed'],
    ['unsigned host', { headers: { host: undefined }, unsigned: { host: HOST } }, 'The header host must be signed'],
    ['no date', { headers: { 'x-amz-date': undefined } }, 'x-amz-date must be the time of the signature'],
    [
      'smuggled',
      { unsigned: { 'User-Agent': 'x\r\nX-Amz-Target: y' } },
      'The header user-agent must be one line of text',
    ],
    ['smuggled', { unsigned: { 'User-Agent': ['x', 'y'] } }, 'The header user-agent must be one line of text'],
    ['twice', { unsigned: { HOST: 'evil.example' } }, 'iamRequestHeaders must have each header once'],
    ['twice', { unsigned: { authorization: 'x' } }, 'iamRequestHeaders must have each header once'],
  ])('is for AWS alone, and says one thing: %s, %j', (_, signing, message) => {
    expect(() => read(signing)).toThrow(expect.objectContaining({ message: only(message) }));
  });

  it.each<[string, RegExp, string]>([
    ['another algorithm', /AWS4-HMAC-SHA256/, 'AWS4-ECDSA-P256-SHA256'],
    ['a signature in capitals', /[0-9a-f]{64}$/, 'A'.repeat(64)],
    ['a longer signature', /$/, '0'],
    ['two signatures', /$/, `, Signature=${'0'.repeat(64)}`],
    ['a space more', /Credential/, ' Credential'],
    ['a key of a path', /AKIDEXAMPLE/, 'AKID/EXAMPLE'],
    ['no header', /.*/, ''],
  ])('has one spelling, by which it is known again: %s', (_, part, instead) => {
    const fault = /authorization must be one of AWS4-HMAC-SHA256|authorization must be one line/;
    expect(saying(part, instead)).toThrow(fault);
  });

  it('names each signed header once, and its date in the scope', () => {
    expect(saying(/SignedHeaders=/, 'SignedHeaders=host;')).toThrow('each once');
    expect(saying(/\/20261129\//, '/20261128/')).toThrow('x-amz-date must be the time');
    for (const date of ['20261329T120000Z', '20260230T120000Z', '2026-11-29T12:00:00Z', '20261129T250000Z']) {
      expect(() => readHeaders({ ...headersOf(), 'x-amz-date': date })).toThrow('x-amz-date must be the time');
    }
  });

  it.each(['', 'x y', '%%%', base64('[]'), base64('null'), base64('"x"'), base64('{'), base64('{"a":1}')])(
    'is refused where its headers are none: %j',
    (iamRequestHeaders) => {
      const sent = { iamRequestBody: base64(BODY), iamRequestHeaders };
      expect(() => readSignedRequest(sent)).toThrow(expect.objectContaining({ errorCode: 'invalid_signed_request' }));
    },
  );

  it.each([
    [-60, undefined],
    [-61, 'request_not_yet_valid'],
    [0, undefined],
    [300, undefined],
    [301, 'request_expired'],
  ])('is good from a minute before its date until five minutes after: %s s', (seconds, errorCode) => {
    const check = () => requireRecent(read({}), new Date(AT.getTime() + seconds * 1_000));
    if (errorCode === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ errorCode }));
  });
});
