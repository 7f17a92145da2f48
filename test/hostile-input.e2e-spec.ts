import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import * as net from 'node:net';
import { latchkeyDocument } from '../src/openapi/latchkey-document';
import { type Answer, type ApiClient, invalid, refused } from './support/api-client';
import type { GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { jsonWith, type Kind, type Operation, operationsOf } from './support/operations';
import { type RawAnswer, requestText, sendRaw } from './support/raw-http';
import { snapshot } from './support/snapshot';

const FORM = 'application/x-www-form-urlencoded';
const MALFORMED = refused(
  400,
  'BadRequest',
  'The request is malformed: its body must be valid JSON, its path and headers valid HTTP.',
);
const TOO_LARGE = refused(413, 'PayloadTooLarge', 'The request body is larger than 100 KiB.');
const HEADERS_TOO_LARGE = refused(
  431,
  'RequestHeaderFieldsTooLarge',
  'The headers of the request are larger than 16 KiB.',
);
const UNSUPPORTED = refused(
  415,
  'UnsupportedMediaType',
  'Send the body as application/json or application/x-www-form-urlencoded.',
);

/** Words of the database, the libraries and the code. */
const INTERNALS =
  /select |insert into|relation "|column|constraint|syntax error|invalid input|duplicate key|\b(uq|pk|fk|ix|ck)_|node_modules|[\\/](src|dist)[\\/]|\.[jt]s:\d|queryfailed|typeerror|rangeerror|syntaxerror|unexpected (token|end)|cannot (read|set)|\bat \w+ \(|postgres|typeorm|fastify|fst_|class-validator|\[object|undefined/i;
/** In what is sent, where it should not come back. */
const CANARY = 'canary-5c0ffee5';

/** What is wrong in the place of each kind of value, as JSON text. */
const WRONG: Record<Kind, string[]> = {
  string: [
    ...['0', '-1.5', 'true', 'false', 'null', '[]', '{}', '["x"]', '[["x"]]', '[null]', '{"a":"x"}', '1e999'],
    ...['{"length":3}', '{"toString":"x"}', '{"$gt":""}', '{"__type":"Date"}', `["${CANARY}"]`, `{"${CANARY}":"x"}`],
    ...['"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"x\\udc00"', '"\\udc00\\ud800"', `"${CANARY.repeat(1_200)}"`],
    ...[`${'['.repeat(5_000)}${']'.repeat(5_000)}`, `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`],
  ],
  integer: [
    ...['"1"', '""', '"x"', 'true', 'false', 'null', '[]', '{}', '[1]', '[[1]]', '{"a":1}', '{"valueOf":1}'],
    ...['-1', '0.5', '1.5', '-0.5', '1e-7', '2147483648', '9007199254740993', '1e20', '1e308', '1e999', '-1e999'],
    ...[`"${CANARY}"`, `[${'1,'.repeat(10_000)}1]`, `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
  ],
  boolean: ['"true"', '"false"', '""', '0', '1', 'null', '[]', '{}', '[true]', `"${CANARY}"`],
  array: ['0', '1', 'true', 'null', '"x"', '{}', '{"0":{},"length":1}', `"${CANARY}"`, `{"${CANARY}":1}`],
  object: ['0', '1', 'true', 'null', '"x"', '[]', '[{}]', `"${CANARY}"`, `["${CANARY}"]`],
  filter: [
    ...[
      '0',
      'true',
      'null',
      '[]',
      '["x"]',
      '{}',
      '""',
      '"\\u0000"',
      '"\\ud800"',
      `"${CANARY}%"`,
      `"${'x'.repeat(256)}"`,
    ],
    ...['{"$eq":1}', '{"$eq":null}', '{"$eq":{}}', '{"$in":"x"}', '{"$in":[]}', '{"$in":[1]}', '{"$in":[["x"]]}'],
    ...['{"$ne":"x"}', '{"$eq":"x","$where":"1"}', '{"$regex":".*"}', '{"__proto":"x"}', `{"${CANARY}":"x"}`],
    ...[`{"$in":[${'"x",'.repeat(10_000)}"x"]}`, `{"$eq":${'['.repeat(5_000)}${']'.repeat(5_000)}}`],
  ],
};

const MALFORMED_JSON = [
  ...['{', '}', '[', '"', '{"', '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{a:1}', "{'a':1}", '{"a":1}}', '{"a":1} x'],
  ...['nonsense', 'NaN', '{"a":NaN}', '{"a":Infinity}', '{"a":undefined}', '{"a":01}', '{"a":.5}', '{"a":0x1}'],
  ...['{"a":"\n"}', '{"a":"\t"}', '{"a":"\\x"}', '{"a":"\\u12"}', '// x\n{}', '{}/**/', '{"a":1}{"b":2}', '\0', '{}\0'],
  ...[
    '<?xml version="1.0"?><a/>',
    'a=1&b=2',
    '--x\r\n',
    '\x1f\x8b\x08\x00',
    '{"a":"\xff"}',
    '\xff\xfe{\x00}\x00',
    '\xc0\x80',
  ],
  ...[
    '{"__proto__":{"polluted":true}}',
    '{"\\u005f_proto__":{"polluted":true}}',
    '{"a":{"__proto__":{"polluted":true}}}',
  ],
  ...['{"constructor":{"prototype":{"polluted":true}}}', '{"a":[{"constructor":{"prototype":{"polluted":true}}}]}'],
].map((text) => text.replace('"a"', `"${CANARY}"`));

const MEDIA_TYPES = [
  ...['text/plain', 'text/plain; a=application/json', 'text/html', 'text/json', 'application/xml', 'application/jsonp'],
  ...[
    'application/json5',
    'application/vnd.api+json',
    'application/merge-patch+json',
    'application/graphql',
    'image/png',
  ],
  ...[
    'multipart/form-data',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'application/*',
    '*/*',
    '*',
  ],
  ...['json', 'application', '/', ';', 'application/json, text/plain', 'application/json text/plain', 'a/b/c'],
  ...[`${FORM}x`, `text/plain, ${FORM}`],
];

const RAW_IDS = [
  ...[
    '',
    '.',
    '..',
    '%2e',
    '%2e%2e',
    '..%2f..%2f',
    '%2e%2e%2f',
    '..;',
    '%5c',
    '..%5c..',
    '%c0%ae%c0%ae',
    '%u0041',
    '*',
  ],
  ...['%', '%2', '%zz', '%ff', '%ED%A0%80', '%25', '%2500', '%00', '%0a', '%0d%0aX-Injected:%20yes', '%09', '%7f', '~'],
  ...['%7bID%7d', 'ID%20', '%20ID', 'ID%00', 'ID%0a', 'ID.', 'ID%2f', 'ID;x=y', 'ID%3fx=y', 'ID%23', 'urn:uuid:ID'],
  ...['%F0%9F%94%91', '%E2%80%AE', '%EF%BC%91', '__proto__', 'constructor', 'toString', 'null', 'NaN', 'true'],
  ...[
    '0',
    '-1',
    '1e9',
    "'%20OR%20'1'='1",
    '%22',
    '%3Cscript%3Ealert(1)%3C/script%3E',
    '$%7B7*7%7D',
    '%7B%7B7*7%7D%7D',
    '%s%n',
  ],
  ...['x'.repeat(10_000), '%61'.repeat(4_000), '%F0%9F%94%91'.repeat(800), 'a/b', 'a%2fb', '(ID)', '[ID]', 'ID,ID'],
];

const NO_NUMBERS = [
  ...[
    '',
    '%20',
    '%00',
    '1%00',
    '%',
    '%ff',
    '1e1',
    '0x1',
    '1.0',
    '1.5',
    '.5',
    '+1',
    '%201',
    '1%20',
    '1_0',
    '1,0',
    '%EF%BC%91',
  ],
  ...['NaN', 'Infinity', '-Infinity', 'null', 'true', '[]', '{}', '-1', '-9', '99999999999', '1'.repeat(400)],
  ...[
    '__proto__',
    'constructor',
    "1'%20OR%20'1'='1",
    '1;DROP%20TABLE%20users',
    '1--',
    '(SELECT%201)',
    '9'.repeat(10_000),
  ],
];
const STRANGE_TEXTS = [
  ...[
    '',
    '%20',
    '%00',
    'a%00b',
    '%',
    '%ff',
    '%ED%A0%80',
    '%25',
    '_',
    '%5c',
    '%27',
    '%22',
    '%0a',
    '%F0%9F%94%91',
    '*',
    '$',
  ],
  ...['__proto__', 'constructor', 'null', "'%20OR%20'1'='1", "';DROP%20TABLE%20users--", '%7B%22$gt%22:%22%22%7D'],
  ...['x'.repeat(256), 'x'.repeat(10_000), '%25'.repeat(3_000), 'MTowOjA', 'bm90IGEgY3Vyc29y', '-'.repeat(200)],
];
/** Behind the name of a parameter. */
const SHAPES = [
  '',
  '=1&NAME=2',
  '=&NAME=',
  '[]=1',
  '[0]=1',
  '[a]=1',
  '[$gt]=',
  '[__proto__][polluted]=1',
  '.a=1',
  '%5B%5D=1',
  '%00=1',
];
const STRANGE_QUERIES = [
  ...['&&&', '=', '=1', '?', '??a=b', '#', '%', '%00', '__proto__=1', '__proto__[polluted]=1', '__proto__.polluted=1'],
  ...[
    'constructor=1',
    'constructor[prototype][polluted]=1',
    'constructor.prototype.polluted=1',
    'toString=1',
    'length=1',
  ],
  ...[
    'hasOwnProperty=1',
    '&a'.repeat(5_000),
    Array.from({ length: 1_500 }, (_, i) => `k${i}=1`).join('&'),
    'a='.repeat(5_000),
  ],
];

/** The target logs in with no secret: this one is nobody's. */
const NO_SECRET = 'a0b1c2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4d';

describe('hostile input', () => {
  let latchkey: TestLatchkey;
  let operations: Operation[];
  let target: GivenToken;
  let role: { roleId: string; slug: string };
  let stream: { streamId: string };
  let project: Record<string, string>;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    operations = operationsOf(latchkeyDocument(latchkey.app));
    target = await latchkey.given.token({ name: 'target', role: 'member' });
    role = await latchkey.given.role();
    stream = await latchkey.given.stream();
    const made = await latchkey.given.project();
    const member = await latchkey.given.member(target.identityId, made.projectId);
    project = { ...made, ...member, ...(await latchkey.given.projectRole(made.projectId)) };
  });
  afterAll(() => latchkey.stop());

  const withBody = () => operations.filter(({ example }) => example);
  const apiFor = ({ isPublic }: Operation): ApiClient => (isPublic ? latchkey.anonymous : latchkey.admin);
  const idOf = (name: string): string => {
    const { identityId, tokenId } = target;
    const { organizationId: orgId } = latchkey.given;
    return { identityId, tokenId, orgId, clientSecretId: NO_SECRET, ...role, ...stream, ...project }[name]!;
  };
  const pathOf = ({ path, query }: Operation, id?: string) => {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => id?.replaceAll('ID', idOf(name)) ?? idOf(name));
    // A whole export of what these suites do would be large.
    if (path.endsWith('/audit-logs/export')) return `${path}?startDate=2020-01-01&endDate=2020-01-02`;
    const needed = query.filter(({ isRequired }) => isRequired).map(({ name }) => `${name}=${idOf(name)}`);
    return needed.length === 0 ? filled : `${filled}?${needed.join('&')}`;
  };
  /** What would be accepted, so that nothing but the hostile part of a request is at fault. */
  const bodyOf = ({ example }: Operation) => ({
    ...example,
    ...(example?.organizationId ? { organizationId: latchkey.given.organizationId } : {}),
    ...(example?.accessToken ? { accessToken: target.accessToken } : {}),
  });
  const raw = (operation: Operation, path: string, headers: [string, string][] = [], body = ''): Promise<RawAnswer> => {
    const authorization = ['Authorization', `Bearer ${latchkey.admin.token}`] as [string, string];
    const all = operation.isPublic ? headers : [authorization, ...headers];
    return sendRaw(latchkey.url, requestText(operation.method, path, all, body));
  };

  /** What no answer to bad input may be: our fault, a quotation, a look behind the scenes, or of another form. */
  const faultOf = ({ status, body, headers }: Answer | RawAnswer): string | undefined => {
    const text = JSON.stringify(body ?? '');
    if (status >= 500) return 'is our fault';
    if (status === 200) return undefined;
    if (text.includes(CANARY)) return 'quotes what was sent';
    if (INTERNALS.test(text)) return 'tells what is inside';
    if (headers.has('x-powered-by') || headers.has('x-injected')) return 'has a header too many';
    const { reqId, statusCode, error, message, ...rest } = body as Record<string, unknown>;
    const isCommon = [reqId, error].every((one) => typeof one === 'string') && statusCode === status && message;
    return isCommon && Object.keys(rest).every((key) => key === 'details') ? undefined : 'has a form of its own';
  };
  const told = (what: string, { status, body }: Answer | RawAnswer, fault: string) =>
    `${what.slice(0, 200)} ${fault}: ${status} ${JSON.stringify(body)?.slice(0, 300)}`;

  /** Nothing is written and nobody's prototype is changed, whatever is sent. */
  const changesNothing = async (work: () => Promise<void>): Promise<void> => {
    const before = await snapshot(latchkey.dataSource);
    await work();
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(([] as unknown as { polluted?: unknown }).polluted).toBeUndefined();
  };

  it('can be sent to every operation: this suite leaves none out', () => {
    expect(operations.length).toBeGreaterThan(20);
    expect(withBody().length).toBeGreaterThan(8);
    const fields = operations.flatMap((one) => one.fields);
    for (const kind of Object.keys(WRONG)) expect(fields.map((one) => one.kind)).toContain(kind);
  });

  it(
    'of another type, length or range in any field of any body is 422 and says in which field',
    () =>
      changesNothing(async () => {
        const faults: string[] = [];
        for (const operation of withBody()) {
          for (const { path, kind, isNullable } of operation.fields) {
            for (const text of WRONG[kind].filter((one) => !isNullable || one !== 'null')) {
              const body = jsonWith(bodyOf(operation), path, text);
              const answer = await apiFor(operation).call(operation.method, pathOf(operation), { body });
              const what = `${operation.name} ${path.join('.')} = ${text}`;
              const fault = faultOf(answer);
              if (fault) faults.push(told(what, answer, fault));
              const issues = answer.body.message as { path: (string | number)[] }[];
              const isNamed =
                answer.status === 422 && issues.some((issue) => path.every((key, at) => issue.path[at] === key));
              if (!isNamed) faults.push(told(what, answer, 'is not refused for it'));
            }
          }
        }
        expect(faults).toEqual([]);
      }),
    180_000,
  );

  it('for the whole of a body is refused: a body is an object', () =>
    changesNothing(async () => {
      for (const operation of withBody()) {
        for (const [text, received] of [
          ['null', 'null'],
          ['[]', 'array'],
          ['[{}]', 'array'],
          ['0', 'number'],
          ['true', 'boolean'],
          [`"${CANARY}"`, 'string'],
          ['1e999', 'number'],
          [`${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'array'],
        ]) {
          const answer = await apiFor(operation).call(operation.method, pathOf(operation), { body: text });
          expect({ operation: operation.name, ...answer }).toEqual({
            operation: operation.name,
            ...invalid(['invalid_type', [], `Expected object, received ${received}`]),
          });
        }
      }
    }));

  it('that is no JSON, no UTF-8, or JSON that reaches for a prototype is 400 and quoted nowhere', () =>
    changesNothing(async () => {
      for (const operation of withBody()) {
        for (const text of MALFORMED_JSON) {
          const answer = await raw(operation, pathOf(operation), [['Content-Type', 'application/json']], text);
          expect({ operation: operation.name, text, ...answer }).toEqual({
            operation: operation.name,
            text,
            ...MALFORMED,
          });
        }
      }
    }));

  it('with keys nobody knows, however many and however deep, is read as if they were not there', async () => {
    const strange = [
      `{${Array.from({ length: 9_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
      `{${Array.from({ length: 5_000 }, (_, i) => `"${i}":{}`).join(',')}}`,
      `{"x":${'['.repeat(45_000)}${']'.repeat(45_000)}}`,
      `{"x":${'{"x":'.repeat(16_000)}1${'}'.repeat(16_000)}}`,
      `{"x":[${Array.from({ length: 30_000 }, () => '{}').join(',')}]}`,
      '{"constructor":1,"toString":1,"valueOf":null,"hasOwnProperty":1,"isPrototypeOf":{},"then":{},"toJSON":1}',
      '{"__proto__x":1,"prototype":{"polluted":1},"__defineGetter__":1,"__lookupGetter__":"x"}',
      '{"id":1,"isInstanceAdmin":true,"organization_id":"x","tokenId":"x","":1," ":2,"\\u0000":3,"\\ud800":4}',
    ];
    for (const text of strange) {
      const body = `{"name":"strange","organizationId":"${latchkey.given.organizationId}",${text.slice(1)}`;
      const made = await latchkey.admin.post('/api/v1/identities', body);
      expect({ status: made.status, name: made.body.identity?.name }).toEqual({ status: 200, name: 'strange' });
      expect(await latchkey.anonymous.post('/api/v1/auth/token/renew', text)).toEqual(
        invalid(['invalid_type', ['accessToken'], 'Required']),
      );
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('with a list of thousands is refused for its length, and not once for every item', () =>
    changesNothing(async () => {
      for (const operation of withBody()) {
        for (const { path } of operation.fields.filter(({ kind }) => kind === 'array')) {
          for (const item of ['{}', '[]', 'null', '0']) {
            const text = `[${Array.from({ length: 20_000 }, () => item).join(',')}]`;
            const body = jsonWith(bodyOf(operation), path, text);
            const answer = await apiFor(operation).call(operation.method, pathOf(operation), { body });
            expect(answer.status).toBe(422);
            expect(answer.body.message[0]).toMatchObject({ code: 'too_big', path });
            expect(JSON.stringify(answer.body).length).toBeLessThan(1_000);
          }
        }
      }
    }));

  it('in a form is validated like JSON, and reaches for no prototype', () =>
    changesNothing(async () => {
      const faults: string[] = [];
      const forms = [
        ...[
          '__proto__=x',
          '__proto__[polluted]=1',
          '__proto__.polluted=1',
          'constructor[prototype][polluted]=1',
          '&&&',
          '=',
        ],
        ...[
          '&=&=',
          'name',
          'name[]=x',
          'name[0]=x',
          'name[a]=x',
          'NAME=x',
          'a=%00',
          'k='.repeat(9_000),
          '&'.repeat(50_000),
        ],
        Array.from({ length: 8_000 }, (_, i) => `k${i}=`).join('&'),
      ];
      for (const operation of withBody().filter(({ fields }) => fields.length > 0)) {
        // Nothing is required of a change: with unknown names alone it would be none, and be made.
        const required = ['POST /api/v1/identities', 'POST /api/v2/organizations', 'POST /api/v1/auth/token/renew'];
        for (const form of required.includes(operation.name) ? forms : []) {
          const answer = await raw(operation, pathOf(operation), [['Content-Type', FORM]], form);
          // A form of more than a thousand fields is too large, whatever is in it.
          if (faultOf(answer) ?? ![413, 422].includes(answer.status))
            faults.push(told(`${operation.name} ${form}`, answer, 'is odd'));
        }
        for (const form of ['a=%', 'a=%ff', '%C0%AF=1', 'a=%ED%A0%80', 'a=\xff', `${CANARY}=%z`]) {
          const answer = await raw(operation, pathOf(operation), [['Content-Type', FORM]], form);
          expect({ operation: operation.name, form, ...answer }).toEqual({
            operation: operation.name,
            form,
            ...MALFORMED,
          });
        }
      }
      expect(faults).toEqual([]);
    }));

  it('of a media type that is neither JSON nor a form is 415, before it is read', () =>
    changesNothing(async () => {
      for (const operation of withBody()) {
        for (const type of MEDIA_TYPES) {
          const answer = await raw(
            operation,
            pathOf(operation),
            [['Content-Type', type]],
            JSON.stringify(bodyOf(operation)),
          );
          expect({ operation: operation.name, type, ...answer }).toEqual({
            operation: operation.name,
            type,
            ...UNSUPPORTED,
          });
        }
        const answer = await raw(operation, pathOf(operation), [], JSON.stringify(bodyOf(operation)));
        expect({ operation: operation.name, ...answer }).toEqual({ operation: operation.name, ...UNSUPPORTED });
      }
    }));

  it('of more than 100 KiB is 413, in one piece or in chunks, in JSON or a form or anything', () =>
    changesNothing(async () => {
      const text = `{"x":"${CANARY.repeat(110 * 64)}"}`;
      expect(text.length).toBeGreaterThan(100 * 1024);
      const chunks = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
      for (const operation of operations.filter(({ method }) => method !== 'GET')) {
        const path = pathOf(operation);
        const start = requestText(operation.method, path, [
          ['Authorization', `Bearer ${latchkey.admin.token}`],
          ['Content-Type', 'application/json'],
          ['Transfer-Encoding', 'chunked'],
        ]);
        for (const answer of [
          await raw(operation, path, [['Content-Type', 'application/json']], text),
          await raw(operation, path, [['Content-Type', FORM]], text),
          await sendRaw(latchkey.url, `${start}${chunks}`),
        ]) {
          expect({ operation: operation.name, ...answer }).toEqual({ operation: operation.name, ...TOO_LARGE });
        }
      }
    }));

  it('of just 100 KiB is still read', async () => {
    const { organizationId } = latchkey.given;
    const start = `{"name":"just","organizationId":"${organizationId}","x":"`;
    const body = `${start}${'x'.repeat(100 * 1024 - start.length - 2)}"}`;
    expect(body).toHaveLength(102_400);
    expect((await latchkey.admin.post('/api/v1/identities', body)).status).toBe(200);
    expect(await latchkey.admin.post('/api/v1/identities', body.replace('x"', 'xx"'))).toEqual(TOO_LARGE);
  });

  it('in headers or a path of more than 16 KiB is 431 wherever it is sent', async () => {
    const long = 'x'.repeat(17_000);
    const many = Array.from({ length: 1_400 }, (_, i): [string, string] => [`X-${i}`, '0123456789']);
    for (const operation of operations) {
      for (const answer of [
        await raw(operation, pathOf(operation), [['X-Long', long]]),
        await raw(operation, pathOf(operation), many),
        await raw(operation, `${operation.path}?x=${long}`),
        await raw(operation, `/${long}`),
      ]) {
        expect({ operation: operation.name, ...answer }).toEqual({ operation: operation.name, ...HEADERS_TOO_LARGE });
      }
    }
  });

  it(
    'for an id, however it is spelled on the wire, is a refusal and nothing else',
    () =>
      changesNothing(async () => {
        const faults: string[] = [];
        for (const operation of operations.filter(({ path }) => path.includes('{'))) {
          // Without the organization, this is the path of the operation itself.
          const isOwnPath = operation.name === 'POST /api/v1/organization/{orgId}/roles';
          for (const id of RAW_IDS.filter((one) => one !== '' || !isOwnPath)) {
            const path = pathOf(operation, id);
            const answer = await raw(
              operation,
              path,
              [['Content-Type', 'application/json']],
              operation.example && JSON.stringify(bodyOf(operation)),
            );
            const what = `${operation.method} ${path}`;
            const fault = faultOf(answer);
            if (fault) faults.push(told(what, answer, fault));
            // An id that is not there leaves the path of another operation: a list, or one whose input is wrong then.
            const list = operation.method === 'GET' ? [200] : [];
            const expected =
              id === '' ? [...list, 404, 405, 422] : [400, 403, 404, ...(path.length > 16_000 ? [431] : [])];
            if (!expected.includes(answer.status)) faults.push(told(what, answer, 'is no refusal'));
          }
        }
        expect(faults).toEqual([]);
      }),
    180_000,
  );

  it(
    'in a query is refused or passed over: numbers are digits, and nothing in it is a structure',
    () =>
      changesNothing(async () => {
        const faults: string[] = [];
        const look = async (operation: Operation, query: string, statuses: number[]) => {
          const path = pathOf(operation);
          const answer = await raw(operation, `${path}${path.includes('?') ? '&' : '?'}${query}`);
          const fault = faultOf(answer) ?? (statuses.includes(answer.status) ? undefined : 'is not what it should be');
          if (fault) faults.push(told(`${operation.name} ?${query}`, answer, fault));
        };
        for (const operation of operations.filter(({ method }) => method === 'GET')) {
          // A strange query changes nothing of the answer, be it that there is nothing there.
          const { status: plain } = await raw(operation, pathOf(operation));
          for (const query of STRANGE_QUERIES) await look(operation, query, [plain]);
          for (const { name, kind, isRequired } of operation.query) {
            for (const shape of SHAPES) await look(operation, `${name}${shape.replace('NAME', name)}`, [plain, 422]);
            for (const text of kind === 'integer' ? NO_NUMBERS : []) await look(operation, `${name}=${text}`, [422]);
            // A required one is there already: a second makes it a list. Some lists are of an identity, which is not there then.
            const optional = name === 'identityId' ? [plain, 404, 422] : [plain, 422];
            const statuses = isRequired ? [422] : optional;
            for (const text of kind === 'string' ? STRANGE_TEXTS : [])
              await look(operation, `${name}=${text}`, statuses);
          }
        }
        expect(faults).toEqual([]);
      }),
    180_000,
  );

  describe('that is no HTTP', () => {
    const request = (head: string) => `${head}\r\nConnection: close\r\n\r\n`;

    it.each([
      ['words', 'nonsense\r\n\r\n'],
      ['a version there is none of', request('GET /api/status HTTP/9.9\r\nHost: x')],
      ['a method there is none of', request('FETCH /api/status HTTP/1.1\r\nHost: x')],
      ['a header without a colon', request('GET /api/status HTTP/1.1\r\nHost: x\r\nnonsense')],
      ['a blank before the colon', request('GET /api/status HTTP/1.1\r\nHost: x\r\nX : y')],
      ['a folded header', request('GET /api/status HTTP/1.1\r\nHost: x\r\nX: y\r\n  z')],
      ['NUL in the path', request('GET /api/\0status HTTP/1.1\r\nHost: x')],
      ['a blank in the path', request('GET /api/status x HTTP/1.1\r\nHost: x')],
      ['a length below 0', request('POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Length: -1')],
      ['a length in words', request('POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Length: two')],
      [
        'a length beyond counting',
        request(`POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Length: ${'9'.repeat(30)}`),
      ],
      [
        'two lengths',
        request('POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3'),
      ],
      [
        'a length and chunks',
        `${request('POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked')}0\r\n\r\n`,
      ],
      [
        'chunks without a size',
        `${request('POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`,
      ],
      ['the greeting of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(200, '\x55')],
      ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ])('is 400 in the common body: %s', async (_, bytes) => {
      expect(await sendRaw(latchkey.url, bytes)).toEqual(MALFORMED);
    });

    it.each([
      ['of a route', 'GET /api/status HTTP/1.1'],
      ['of no route', 'GET /nothing HTTP/1.1'],
      ['of a route and with a token', `GET /api/v1/identities/details HTTP/1.1\r\nAuthorization: Bearer x`],
    ])('for want of a host is 400 in the common body: %s', async (_, head) => {
      expect(await sendRaw(latchkey.url, request(head))).toEqual(MALFORMED);
    });

    it('but HTTP/1.0 needs no host', async () => {
      expect(await sendRaw(latchkey.url, request('GET /api/status HTTP/1.0'))).toMatchObject({ status: 200 });
    });

    it('or has an expectation that cannot be met is 417 in the common body', async () => {
      const bytes = request('GET /api/status HTTP/1.1\r\nHost: x\r\nExpect: tea');
      expect(await sendRaw(latchkey.url, bytes)).toMatchObject({
        status: 417,
        body: {
          statusCode: 417,
          error: 'ExpectationFailed',
          message: 'The only supported expectation is 100-continue.',
        },
      });
    });

    it('holds no connection of the server, though the sender keeps its end open', async () => {
      const { hostname, port } = new URL(latchkey.url);
      const server = latchkey.app.getHttpServer();
      const count = () => new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)));
      const before = await count();
      const sockets = Array.from({ length: 20 }, () => {
        const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
        socket.on('error', () => undefined).resume();
        socket.write('nonsense\r\n\r\n');
        return socket;
      });
      await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('end', resolve))));
      const deadline = Date.now() + 10_000;
      while ((await count()) > before && Date.now() < deadline) await new Promise(setImmediate);
      expect(await count()).toBeLessThanOrEqual(before);
      for (const socket of sockets) socket.destroy();
    });

    it('or never ends is not waited for without a limit, and told so', async () => {
      const server = latchkey.app.getHttpServer();
      expect([server.requestTimeout, server.headersTimeout].every((limit) => limit > 0 && limit <= 60_000)).toBe(true);
      // The limit is not waited for here: the server is told what Node tells it then.
      const connected = once(server, 'connection') as Promise<[net.Socket]>;
      const answer = sendRaw(
        latchkey.url,
        'POST /api/v1/auth/token/renew HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n',
      );
      const timeout = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
      server.emit('clientError', timeout, (await connected)[0]);
      expect(await answer).toEqual(refused(408, 'RequestTimeout', 'The request took too long to arrive.'));
    });
  });

  it('has left the server in order', async () => {
    expect((await target.api.get('/api/v1/identities/details')).status).toBe(200);
    expect((await latchkey.anonymous.get('/api/status')).status).toBe(200);
    expect(latchkey.logs.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
    expect(latchkey.logs.join('\n')).not.toContain(CANARY);
    expect((await latchkey.admin.get(`/api/v1/identities/${randomUUID()}`)).status).toBe(404);
  });
});
