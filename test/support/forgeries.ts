import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign as signWith,
} from 'node:crypto';
import type { GivenToken } from './given';

type Json = Record<string, unknown>;

export const MALFORMED =
  'The provided access token is malformed. Please use a valid token or generate a new one and try again.';
export const ALGORITHM =
  'The access token is signed with an invalid algorithm. Please provide a valid token and try again.';
export const SIGNATURE = 'invalid signature';
export const WRONG_TYPE = 'Token is not an identity access token';
export const EXPIRED = 'Your token has expired. Please re-authenticate.';

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const hmac = (input: string, secret: string | Buffer, hash = 'sha256'): string =>
  createHmac(hash, secret).update(input).digest('base64url');

/** Everything a forger may know, and what none can know: the secret. */
export interface Known {
  /** Of a genuine token that is good. */
  readonly token: string;
  readonly parts: [header: string, payload: string, signature: string];
  readonly header: Json & { kid: string };
  readonly claims: Json;
  readonly secret: string;
}

export function known({ accessToken }: GivenToken, secret: string): Known {
  const parts = accessToken.split('.') as Known['parts'];
  const [header, claims] = parts
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json);
  return { token: accessToken, parts, header: header as Known['header'], claims: claims!, secret };
}

/** Signed with the real secret: as somebody could only with a stolen key, or by a mistake of ours. */
export function signed({ header, claims, secret }: Known, change: { header?: unknown; claims?: unknown } = {}): string {
  const input = `${encode(change.header ?? header)}.${encode(change.claims ?? claims)}`;
  return `${input}.${hmac(input, secret)}`;
}

/** Signed with another key, by an algorithm that uses it. */
function signedBy(privateKey: KeyObject, alg: string, header: Json, claims: Json): string {
  const input = `${encode({ ...header, alg })}.${encode(claims)}`;
  const hash = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`;
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const key = {
    key: privateKey,
    dsaEncoding: 'ieee-p1363' as const,
    ...(alg.startsWith('PS') ? pss : {}),
  };
  return `${input}.${signWith(hash, Buffer.from(input), key).toString('base64url')}`;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const ed25519 = generateKeyPairSync('ed25519');
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string;

export type Forgery = [what: string, message: string, forge: (known: Known) => string];

const ALGORITHMS: Forgery[] = [
  ...['none', 'None', 'nOnE', 'NONE', '', ' none'].flatMap((alg): Forgery[] => [
    [
      `alg ${alg || 'empty'} and no signature`,
      ALGORITHM,
      ({ header, parts }) => `${encode({ ...header, alg })}.${parts[1]}.`,
    ],
    [
      `alg ${alg || 'empty'} and a real signature`,
      ALGORITHM,
      ({ header, parts }) => `${encode({ ...header, alg })}.${parts[1]}.${parts[2]}`,
    ],
    [`alg ${alg || 'empty'}, alone in the header`, ALGORITHM, ({ parts }) => `${encode({ alg })}.${parts[1]}.`],
  ]),
  ...['HS384', 'HS512', 'hs256', 'HS256 ', 'HMAC', 'HS1'].map((alg): Forgery => [
    `alg ${JSON.stringify(alg)} with the real secret`,
    ALGORITHM,
    ({ header, parts, secret }) => {
      const input = `${encode({ ...header, alg })}.${parts[1]}`;
      return `${input}.${hmac(input, secret, alg === 'HS384' ? 'sha384' : alg === 'HS512' ? 'sha512' : 'sha256')}`;
    },
  ]),
  ...(
    [
      ['RS256', rsa.privateKey],
      ['RS384', rsa.privateKey],
      ['RS512', rsa.privateKey],
      ['PS256', rsa.privateKey],
      ['PS512', rsa.privateKey],
      ['ES256', p256.privateKey],
      ['ES384', p384.privateKey],
      ['ES512', p521.privateKey],
      ['EdDSA', ed25519.privateKey],
    ] as const
  ).map(([alg, key]): Forgery => [
    `alg ${alg} with a real key`,
    ALGORITHM,
    ({ header, claims }) => signedBy(key, alg, header, claims),
  ]),
  ...([null, 256, true, ['HS256'], { alg: 'HS256' }, undefined] as unknown[]).map((alg): Forgery => [
    `alg ${JSON.stringify(alg)}`,
    ALGORITHM,
    (it) => signed(it, { header: { ...it.header, alg } }),
  ]),
  ...([rsa.publicKey, p256.publicKey, ed25519.publicKey] as const).map((key): Forgery => [
    `HS256 with a public ${key.asymmetricKeyType} key for a secret`,
    SIGNATURE,
    (it) => signed({ ...it, secret: pem(key) }),
  ]),
  [
    'HS256 with a JWK for a secret',
    SIGNATURE,
    (it) => signed({ ...it, secret: JSON.stringify(rsa.publicKey.export({ format: 'jwk' })) }),
  ],
  ['HS256 with an empty secret', SIGNATURE, (it) => signed({ ...it, secret: '' })],
  ['HS256 with the key id for a secret', SIGNATURE, (it) => signed({ ...it, secret: it.header.kid })],
  [
    'HS256 with the real secret in other letters',
    SIGNATURE,
    (it) => signed({ ...it, secret: it.secret.toLowerCase() }),
  ],
  ['HS256 with the real secret and a line break', SIGNATURE, (it) => signed({ ...it, secret: `${it.secret}\n` })],
];

const SIGNATURES: Forgery[] = [
  ['an empty signature', SIGNATURE, ({ parts }) => `${parts[0]}.${parts[1]}.`],
  ['a stripped signature', MALFORMED, ({ parts }) => `${parts[0]}.${parts[1]}`],
  ['a shortened signature', SIGNATURE, ({ token }) => token.slice(0, -1)],
  ['half a signature', SIGNATURE, ({ token }) => token.slice(0, -20)],
  ['a lengthened signature', SIGNATURE, ({ token }) => `${token}A`],
  ['a doubled signature', SIGNATURE, ({ token, parts }) => `${token}${parts[2]}`],
  ['a signature of zeros', SIGNATURE, ({ parts }) => `${parts[0]}.${parts[1]}.${'A'.repeat(43)}`],
  ['a random signature', SIGNATURE, ({ parts }) => `${parts[0]}.${parts[1]}.${randomBytes(32).toString('base64url')}`],
  [
    'the signature in hex',
    SIGNATURE,
    ({ parts }) => `${parts[0]}.${parts[1]}.${Buffer.from(parts[2], 'base64url').toString('hex')}`,
  ],
  [
    'the signature of another header',
    SIGNATURE,
    (it) => `${it.parts[0]}.${it.parts[1]}.${hmac(`${encode({ alg: 'HS256' })}.${it.parts[1]}`, it.secret)}`,
  ],
  [
    'the signature of the payload alone',
    SIGNATURE,
    (it) => `${it.parts[0]}.${it.parts[1]}.${hmac(it.parts[1], it.secret)}`,
  ],
  ['the parts in another order', ALGORITHM, ({ parts }) => `${parts[1]}.${parts[0]}.${parts[2]}`],
  ['no payload', MALFORMED, (it) => `${it.parts[0]}..${hmac(`${it.parts[0]}.`, it.secret)}`],
  ['a fourth part', MALFORMED, ({ token }) => `${token}.AAAA`],
  ['five parts, as an encrypted token has', MALFORMED, ({ token }) => `${token}.AAAA.AAAA`],
  ['an empty fourth part', MALFORMED, ({ token }) => `${token}.`],
];

const HEADERS: Forgery[] = [
  ...Object.entries({
    crit: ['exp'],
    b64: false,
    zip: 'DEF',
    cty: 'JWT',
    enc: 'A256GCM',
    jku: 'https://evil.test/jwks.json',
    x5u: 'https://evil.test/chain.pem',
    x5c: ['MIIB'],
    x5t: 'AAAA',
    jwk: { kty: 'oct', k: encode('a secret of my own, long enough for HS256') },
    exp: 9_999_999_999,
    __proto: 1,
  }).map(([name, value]): Forgery => [
    `a header with ${name}`,
    MALFORMED,
    (it) => signed(it, { header: { ...it.header, [name]: value } }),
  ]),
  ['crit and b64 together', MALFORMED, (it) => signed(it, { header: { ...it.header, b64: false, crit: ['b64'] } })],
  [
    'an unencoded payload (RFC 7797)',
    MALFORMED,
    ({ header, claims, secret }) => {
      const head = encode({ ...header, b64: false, crit: ['b64'] });
      const payload = JSON.stringify(claims);
      return `${head}.${payload}.${hmac(`${head}.${payload}`, secret)}`;
    },
  ],
  [
    'a key in its own header',
    MALFORMED,
    (it) => {
      const secret = randomBytes(32);
      const header = { ...it.header, jwk: { kty: 'oct', k: secret.toString('base64url') } };
      return signed({ ...it, secret: secret.toString('base64url') }, { header });
    },
  ],
  [
    'a public key in its own header, and its signature',
    ALGORITHM,
    (it) =>
      signedBy(rsa.privateKey, 'RS256', { ...it.header, jwk: rsa.publicKey.export({ format: 'jwk' }) }, it.claims),
  ],
  ...([undefined, null, '', 'jwt', 'at+jwt', 'JWE', 1, ['JWT'], {}] as unknown[]).map((typ): Forgery => [
    `typ ${JSON.stringify(typ)}`,
    MALFORMED,
    (it) => signed(it, { header: { ...it.header, typ } }),
  ]),
  ...(['HS512', 'none'] as const).flatMap((other): Forgery[] => [
    [
      `alg twice, the second ${other}`,
      ALGORITHM,
      ({ header, ...it }) =>
        signed({ header, ...it }, { header: `{"alg":"HS256","typ":"JWT","kid":"${header.kid}","alg":"${other}"}` }),
    ],
    [
      `alg twice, the first ${other}`,
      SIGNATURE,
      ({ header, ...it }) =>
        signed({ header, ...it }, { header: `{"alg":"${other}","typ":"JWT","kid":"${header.kid}","alg":"HS256"}` }),
    ],
  ]),
  [
    'kid twice, the first unknown',
    SIGNATURE,
    ({ header, ...it }) =>
      signed({ header, ...it }, { header: `{"alg":"HS256","typ":"JWT","kid":"other","kid":"${header.kid}"}` }),
  ],
  [
    'kid twice, the same',
    SIGNATURE,
    ({ header, ...it }) =>
      signed({ header, ...it }, { header: `{"alg":"HS256","typ":"JWT","kid":"${header.kid}","kid":"${header.kid}"}` }),
  ],
  [
    'its members in another order',
    SIGNATURE,
    ({ header: { alg, typ, kid }, ...it }) => signed({ header: { kid }, ...it }, { header: { kid, typ, alg } }),
  ],
  ['blanks in its header', SIGNATURE, (it) => signed(it, { header: JSON.stringify(it.header, null, 1) })],
  [
    'an escaped letter in its header',
    SIGNATURE,
    (it) => signed(it, { header: JSON.stringify(it.header).replace('HS256', '\\u0048S256') }),
  ],
  ...['null', '[]', '""', '1', 'true', '{', '', '\u{feff}{}', '{"alg":"HS256"', 'nonsense'].map((header): Forgery => [
    `the header ${JSON.stringify(header)}`,
    ['[]'].includes(header) ? ALGORITHM : MALFORMED,
    (it) => signed(it, { header }),
  ]),
  ['the header {}', ALGORITHM, (it) => signed(it, { header: {} })],
  [
    'a header of 100 levels',
    ALGORITHM,
    (it) => signed(it, { header: `${'['.repeat(100)}${']'.repeat(100)}` }).slice(0, 4_000),
  ],
];

const KEY_IDS: Forgery[] = [
  ...(
    [
      'unknown',
      '',
      ' ',
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      '../../dev/null',
      '/dev/null',
      "' OR '1'='1",
      'https://evil.test/key',
      null,
      0,
      1,
      true,
      [],
      {},
      undefined,
    ] as unknown[]
  ).flatMap((kid): Forgery[] => [
    [
      `kid ${JSON.stringify(kid)} with the real secret`,
      SIGNATURE,
      (it) => signed(it, { header: { ...it.header, kid } }),
    ],
    [
      `kid ${JSON.stringify(kid)} with an empty secret`,
      SIGNATURE,
      (it) => signed({ ...it, secret: '' }, { header: { ...it.header, kid } }),
    ],
  ]),
  ['our kid in an array', SIGNATURE, (it) => signed(it, { header: { ...it.header, kid: [it.header.kid] } })],
  [
    'our kid in other letters',
    SIGNATURE,
    (it) => signed(it, { header: { ...it.header, kid: swapCase(it.header.kid) } }),
  ],
  ['our kid with a blank', SIGNATURE, (it) => signed(it, { header: { ...it.header, kid: `${it.header.kid} ` } })],
  ['our kid with NUL', SIGNATURE, (it) => signed(it, { header: { ...it.header, kid: `${it.header.kid}\0` } })],
  ['our kid and another secret', SIGNATURE, (it) => signed({ ...it, secret: randomBytes(48).toString('base64') })],
];

const altered =
  (change: Json): ((it: Known) => string) =>
  ({ parts, claims }) =>
    `${parts[0]}.${encode({ ...claims, ...change })}.${parts[2]}`;

const ALTERED_CLAIMS: Forgery[] = Object.entries({
  jti: randomUUID(),
  identityAccessTokenId: randomUUID(),
  identityId: randomUUID(),
  identityName: 'root',
  orgId: randomUUID(),
  exp: 9_999_999_999,
  iat: 0,
  authMethod: 'universal-auth',
  authTokenType: 'accessToken',
  accessTokenTTL: 0,
  accessTokenMaxTTL: 0,
  accessTokenPeriod: 1,
  numUsesLimit: 0,
  isInstanceAdmin: true,
  role: 'admin',
}).map(([name, value]): Forgery => [`${name} altered`, SIGNATURE, altered({ [name]: value })]);

const claimed = (name: string, values: unknown[], message = MALFORMED): Forgery[] =>
  values.map((value) => [
    `${name} ${JSON.stringify(value) ?? 'missing'}, signed with the real secret`,
    message,
    (it) => signed(it, { claims: { ...it.claims, [name]: value } }),
  ]);

const id = randomUUID();
const NO_IDS = [
  undefined,
  null,
  '',
  'x',
  1,
  true,
  [],
  {},
  [id],
  id.toUpperCase(),
  `{${id}}`,
  id.replaceAll('-', ''),
  ` ${id}`,
  `${id}\0`,
];
const NO_DATES = [null, '', '9999999999', true, [], {}, [9_999_999_999], -1, 1.5, 1e300, 2 ** 53, 'never'];

const CLAIMS: Forgery[] = [
  ...claimed('jti', NO_IDS),
  ...claimed('identityAccessTokenId', [...NO_IDS, id]),
  ...claimed('identityId', NO_IDS),
  ...claimed('iat', [undefined, ...NO_DATES]),
  ...claimed('exp', NO_DATES),
  ...claimed('exp', [0, 1, 1_600_000_000], EXPIRED),
  ...claimed('nbf', [9_999_999_999, '1', 'never', null, {}]),
  ...claimed(
    'authTokenType',
    [
      undefined,
      null,
      '',
      'accessToken',
      'refreshToken',
      'serviceToken',
      'IdentityAccessToken',
      1,
      true,
      [],
      ['identityAccessToken'],
      {},
    ],
    WRONG_TYPE,
  ),
  [
    'a token of another type that has run out too',
    WRONG_TYPE,
    (it) => signed(it, { claims: { ...it.claims, authTokenType: 'accessToken', exp: 1 } }),
  ],
  [
    'jti twice',
    MALFORMED,
    (it) => signed(it, { claims: JSON.stringify(it.claims).replace('{', `{"jti":"${randomUUID()}",`) }),
  ],
  [
    'exp twice',
    MALFORMED,
    (it) => signed(it, { claims: JSON.stringify(it.claims).replace(/}$/, ',"exp":9999999999}') }),
  ],
  ['blanks in its claims', MALFORMED, (it) => signed(it, { claims: JSON.stringify(it.claims, null, 1) })],
  [
    '__proto__ in its claims',
    WRONG_TYPE,
    (it) => signed(it, { claims: '{"__proto__":{"authTokenType":"identityAccessToken"},"jti":1}' }),
  ],
  ...['null', '[]', '"text"', '1', 'true', '', '{', 'nonsense', '\u{feff}{}', '{"a":1}{"b":2}'].map(
    (claims): Forgery => [
      `the payload ${JSON.stringify(claims)}, signed with the real secret`,
      claims === '[]' ? WRONG_TYPE : MALFORMED,
      (it) => signed(it, { claims }),
    ],
  ),
  ['a token in a token', MALFORMED, (it) => signed(it, { claims: it.token })],
  ['a token in a token, in quotes', MALFORMED, (it) => signed(it, { claims: JSON.stringify(it.token) })],
  [
    'a token in a token, with cty',
    MALFORMED,
    (it) => signed(it, { header: { ...it.header, cty: 'JWT' }, claims: it.token }),
  ],
];

/** The same bytes, or nearly, in another spelling: one token has one. */
const SPELLINGS: Forgery[] = [
  ...[1, 2, 3].map((bits): Forgery => [
    `other unused bits in the last letter of its signature (+${bits})`,
    SIGNATURE,
    ({ token }) => `${token.slice(0, -1)}${respelled(token.at(-1)!, bits)}`,
  ]),
  ...['=', '==', '====', '%3D'].map((padding): Forgery => [
    `${padding} behind it`,
    MALFORMED,
    ({ token }) => `${token}${padding}`,
  ]),
  ['padding behind each part', MALFORMED, ({ parts }) => parts.map((part) => `${part}=`).join('.')],
  [
    'the alphabet of plain base64',
    MALFORMED,
    ({ parts, secret, claims }) => {
      const input = `${parts[0]}.${encode({ ...claims, identityName: '???>>>' })
        .replaceAll('-', '+')
        .replaceAll('_', '/')}`;
      return `${input}.${hmac(input, secret)}`;
    },
  ],
  [
    'padding that is signed too',
    MALFORMED,
    ({ parts, secret }) => {
      const input = `${parts[0]}.${parts[1]}=`;
      return `${input}.${hmac(input, secret)}`;
    },
  ],
  [
    'other unused bits in its payload, signed',
    MALFORMED,
    (it) => {
      const claims = [0, 1, 2]
        .map((n) => encode({ ...it.claims, identityName: 'x'.repeat(n) }))
        .find((text) => text.length % 4 !== 0)!;
      const input = `${it.parts[0]}.${claims.slice(0, -1)}${respelled(claims.at(-1)!, 1)}`;
      return `${input}.${hmac(input, it.secret)}`;
    },
  ],
  ['a blank in the middle', MALFORMED, ({ parts }) => `${parts[0]}. ${parts[1]}.${parts[2]}`],
  ['a tab in the middle', MALFORMED, ({ parts }) => `${parts[0]}.\t${parts[1]}.${parts[2]}`],
  ['in capitals', MALFORMED, ({ token }) => token.toUpperCase()],
  ['in quotes', MALFORMED, ({ token }) => `"${token}"`],
  ['percent-encoded', MALFORMED, ({ token }) => token.replaceAll('.', '%2E')],
  ['twice, with a comma', MALFORMED, ({ token }) => `${token},${token}`],
  ['twice, with a comma and a scheme', MALFORMED, ({ token }) => `${token}, Bearer ${token}`],
  ['twice, with a blank', MALFORMED, ({ token }) => `${token} ${token}`],
  ['with a parameter', MALFORMED, ({ token }) => `${token}; realm=x`],
  ['as a service token', MALFORMED, ({ token }) => `st.${token}`],
  ['with more than any token of ours has', MALFORMED, ({ token }) => `${token}${'A'.repeat(4_000)}`],
];

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}

/** A letter of base64url that differs only in bits beyond the last byte. */
function respelled(letter: string, bits: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet[alphabet.indexOf(letter) ^ bits]!;
}

/** What somebody might send for a token, and what is answered: none of it is let in (guarantee P22). */
export const FORGERIES: readonly Forgery[] = [
  ...ALGORITHMS,
  ...SIGNATURES,
  ...HEADERS,
  ...KEY_IDS,
  ...ALTERED_CLAIMS,
  ...CLAIMS,
  ...SPELLINGS,
];
