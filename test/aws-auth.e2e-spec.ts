import { decodeJwt } from 'jose';
import { type Answer, answered, invalid, refused } from './support/api-client';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { BODY, type Signing, signedLogin, StsPeer } from './support/sts-peer';

const LOGIN = '/api/v1/auth/aws-auth/login';
const IDENTITIES = '/api/v1/auth/aws-auth/identities';
const ACCOUNT = '123456789012';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/deployer`;
const SESSION = { id: 'ASIASESSION000000000', secret: 'the secret of a session', token: 'the token of a session' };
const USER = { id: 'AKIAUSER000000000000', secret: 'the secret of a user' };
const CALLER = {
  Account: ACCOUNT,
  Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/deployer/i-0abc`,
  UserId: 'AROADEPLOYER:i-0abc',
};

const denied = (message: unknown) => refused(401, 'UnauthorizedError', message);
const REJECTED = denied('Access denied: AWS rejected the signed request.');
const REPLAYED = denied('Access denied: the signed request was used already. Sign another one.');
const UNAVAILABLE = refused(
  503,
  'ServiceUnavailable',
  'AWS cannot be asked who has signed the request. Please try again.',
);

let latchkey: TestLatchkey;
let sts: StsPeer;

beforeAll(async () => {
  sts = await StsPeer.start();
  sts.sts.know(SESSION, CALLER);
  sts.sts.know(USER, { Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:user/team/jane`, UserId: 'AIDAJANE' });
  latchkey = await startLatchkey({ awsStsUrl: sts.url, outboundTimeoutMs: 2_000 });
});
beforeEach(() => {
  sts.respond = undefined;
});
afterEach(() => latchkey.clock.reset());
afterAll(async () => {
  await latchkey.stop();
  await sts.stop();
});

const attach = (identityId: string, body: object) => latchkey.admin.post(`${IDENTITIES}/${identityId}`, body);
const update = (identityId: string, body: object) => latchkey.admin.patch(`${IDENTITIES}/${identityId}`, body);

async function attached(body: object = { allowedPrincipalArns: ROLE }): Promise<string> {
  const identityId = await latchkey.given.identity();
  done(await attach(identityId, body));
  return identityId;
}

/** Each request is of another second: the same key signs alike within one. */
const STARTED = Date.now();
let seconds = 0;
const once = (): Date => new Date(STARTED - (seconds += 1) * 1_000);
const login = (identityId: string, signing: Signing = {}, key: typeof USER = SESSION): Promise<Answer> =>
  latchkey.anonymous.post(LOGIN, { identityId, ...signedLogin(key, { at: once(), ...signing }) });

describe('AWS Auth', () => {
  it('is attached, read, updated and removed', async () => {
    const identityId = await latchkey.given.identity();
    const sent = { allowedPrincipalArns: `${ROLE},arn:aws:sts::${ACCOUNT}:*`, allowedAccountIds: ACCOUNT };
    // As Terraform sends it.
    const { identityAwsAuth } = done(
      await attach(identityId, { ...sent, identityId, stsEndpoint: 'https://sts.amazonaws.com/', accessTokenTTL: 0 }),
    );
    const shown = { ...sent, allowedPrincipalArns: `${ROLE}, arn:aws:sts::${ACCOUNT}:*`, type: 'iam' };
    expect(identityAwsAuth).toMatchObject({ ...shown, identityId, stsEndpoint: 'https://sts.amazonaws.com/' });
    const path = `${IDENTITIES}/${identityId}`;
    expect(await latchkey.admin.get(path)).toEqual(answered({ identityAwsAuth }));
    // Seen red with the lists reset: then every principal of AWS would log in.
    const changed = { ...identityAwsAuth, accessTokenTTL: 60, updatedAt: expect.any(String) };
    expect(await update(identityId, { accessTokenTTL: 60 })).toEqual(answered({ identityAwsAuth: changed }));
    const { identityAwsAuth: cleared } = done(await update(identityId, { allowedPrincipalArns: null }));
    expect(cleared).toMatchObject({ allowedPrincipalArns: '', allowedAccountIds: ACCOUNT });
    const both = invalid(['custom', ['allowedPrincipalArns'], expect.stringContaining('every principal of AWS')]);
    expect(await update(identityId, { allowedAccountIds: '' })).toEqual(both);
    const { identity } = done(await latchkey.admin.get(`/api/v1/identities/${identityId}`)).identity;
    expect(identity.authMethods).toEqual(['aws-auth']);
    expect(await latchkey.admin.delete(path)).toEqual(answered({ identityAwsAuth: cleared }));
    const missing = refused(404, 'NotFound', 'The identity does not have AWS Auth attached');
    for (const answer of [await latchkey.admin.get(path), await update(identityId, {})])
      expect(answer).toEqual(missing);
  });

  it.each<[object, string, string]>([
    [{}, 'allowedPrincipalArns', 'every principal of AWS'],
    [{ allowedPrincipalArns: '*' }, 'allowedPrincipalArns', 'Expected ARNs'],
    [{ allowedPrincipalArns: 'arn:aws:iam::*:role/app' }, 'allowedPrincipalArns', 'Expected ARNs'],
    [{ allowedPrincipalArns: `arn:aws:iam::${ACCOUNT}:root` }, 'allowedPrincipalArns', 'Expected ARNs'],
    [{ allowedPrincipalArns: `arn:aws:iam::${ACCOUNT}:role/{a,b}` }, 'allowedPrincipalArns', 'Expected ARNs'],
    [{ allowedPrincipalArns: `${ROLE}, arn:aws:sts::${ACCOUNT}:role/app` }, 'allowedPrincipalArns', 'Expected ARNs'],
    [{ allowedPrincipalArns: `arn:aws:iam::${ACCOUNT}:role/path/app` }, 'allowedPrincipalArns', 'Leave out paths'],
    [{ allowedPrincipalArns: `arn:aws:sts::${ACCOUNT}:assumed-role/app/*` }, 'allowedPrincipalArns', 'sessions'],
    [{ allowedPrincipalArns: `arn:aws-cn:iam::${ACCOUNT}:role/app` }, 'allowedPrincipalArns', 'AWS China'],
    [{ allowedAccountIds: '1234' }, 'allowedAccountIds', 'Expected 12 digits each'],
  ])('refuses a configuration that cannot be meant: %j', async (body, field, message) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, body)).toEqual(invalid(['custom', [field], expect.stringContaining(message)]));
  });
});

describe('a login with a signed request', () => {
  it('answers a token that says who has signed, and AWS sees what was signed and nothing else', async () => {
    const identityId = await attached({ allowedPrincipalArns: ROLE, accessTokenTTL: 600 });
    const unsigned = { 'X-Forwarded-For': '1.1.1.1', Connection: 'keep-alive', Accept: 'text/xml' };
    const answer = await login(identityId, { region: 'eu-west-1', unsigned });
    expect(answer).toEqual(
      answered({ accessToken: expect.any(String), expiresIn: 600, accessTokenMaxTTL: 2592000, tokenType: 'Bearer' }),
    );
    const aws = {
      ...{ accountId: ACCOUNT, arn: CALLER.Arn, userId: CALLER.UserId, partition: 'aws', service: 'sts' },
      ...{ resourceType: 'assumed-role', resourceName: 'deployer' },
    };
    const { accessToken } = answer.body as { accessToken: string };
    expect(decodeJwt(accessToken)).toMatchObject({ identityId, authMethod: 'aws-auth', identityAuth: { aws } });
    const { line, body, headers, rawHeaders } = sts.asked.at(-1)!;
    expect({ line, body, host: headers.host }).toEqual({
      ...{ line: 'POST /', body: BODY, host: 'sts.eu-west-1.amazonaws.com' },
    });
    expect(
      rawHeaders
        .filter((_, at) => at % 2 === 0)
        .map((name) => name.toLowerCase())
        .sort(),
    ).toEqual([
      ...['accept', 'accept-encoding', 'authorization', 'connection', 'content-length', 'content-type', 'host'],
      ...['x-amz-date', 'x-amz-security-token'],
    ]);
    expect(headers).toMatchObject({ accept: 'application/json', connection: 'close' });
  });

  it('is for the principals and accounts that are listed, and nothing is said about others but who they are', async () => {
    const jane = await attached({ allowedPrincipalArns: `arn:aws:iam::${ACCOUNT}:user/jane` });
    expect((await login(jane, {}, USER)).status).toBe(200);
    expect(await login(jane)).toEqual(
      denied(`Access denied: AWS principal ARN not allowed. [principal-arn=${CALLER.Arn}]`),
    );
    const account = await attached({ allowedAccountIds: '000000000000' });
    expect(await login(account)).toEqual(denied('Access denied: AWS account ID not allowed.'));
  });

  it('is refused by AWS where the signature is of another key, or for something else', async () => {
    const identityId = await attached();
    expect(await login(identityId, {}, { ...SESSION, secret: 'a guess' })).toEqual(REJECTED);
    expect(await login(identityId, {}, { ...USER, id: 'AKIAUNKNOWN000000000' })).toEqual(REJECTED);
    const sent = signedLogin(SESSION, { at: once() });
    const headers = JSON.parse(Buffer.from(sent.iamRequestHeaders, 'base64').toString()) as Record<string, string>;
    const other = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
    const iamRequestHeaders = Buffer.from(JSON.stringify(other)).toString('base64');
    expect(await latchkey.anonymous.post(LOGIN, { identityId, ...sent, iamRequestHeaders })).toEqual(REJECTED);
  });

  it('that is not exactly what may be passed on is refused before anything leaves the process', async () => {
    const identityId = await attached();
    const before = sts.asked.length;
    const faults: [Signing, number, string][] = [
      [{ body: 'Action=AssumeRole&Version=2011-06-15' }, 400, 'invalid_signed_request'],
      [{ headers: { host: 'evil.example' } }, 400, 'invalid_signed_request'],
      [{ headers: { 'x-amz-target': 'x' } }, 400, 'invalid_signed_request'],
      [{ unsigned: { 'User-Agent': 'x\r\nX: y' } }, 400, 'invalid_signed_request'],
      [{ region: 's3' }, 400, 'invalid_region'],
      [{ at: new Date(Date.now() - 302_000) }, 401, 'request_expired'],
      [{ at: new Date(Date.now() + 70_000) }, 401, 'request_not_yet_valid'],
    ];
    for (const [signing, status, reason] of faults) {
      const from = latchkey.logs.length;
      expect((await login(identityId, signing)).status).toBe(status);
      expect(latchkey.logs.slice(from).some((line) => line.includes(reason))).toBe(true);
    }
    const get = { identityId, iamHttpRequestMethod: 'GET', ...signedLogin(SESSION) };
    expect((await latchkey.anonymous.post(LOGIN, get)).status).toBe(422);
    expect(sts.asked.length).toBe(before);
  });

  it('leaves nothing of the request in the log', async () => {
    const identityId = await attached();
    await login(identityId);
    sts.respond = (response) => void response.destroy();
    await login(identityId);
    const { authorization = '' } = sts.asked.at(-1)!.headers;
    for (const text of [authorization.slice(-64), SESSION.token, SESSION.secret]) {
      expect(latchkey.logs.join()).not.toContain(text);
    }
  });
});

describe('an STS that cannot be asked, or says nothing usable', () => {
  const saying = (Arn: unknown, Account: unknown = ACCOUNT, UserId: unknown = 'x') => ({
    GetCallerIdentityResponse: { GetCallerIdentityResult: { Arn, Account, UserId } },
  });
  const whole = `arn:aws:sts::${ACCOUNT}:assumed-role/deployer/x`;

  it('is 503, with the reason in the log, and never 401', async () => {
    const identityId = await attached();
    const cases: [string, () => void][] = [
      ['status_500', () => sts.say({}, 500)],
      ['status_429', () => sts.say({}, 429)],
      ['status_400', () => sts.say({ Error: { Code: 'Throttling' } }, 400)],
      ['status_400', () => sts.say({ Error: 'x' }, 400)],
      ['status_404', () => sts.say({}, 404)],
      ['redirected', () => sts.say({}, 307)],
      ['too_large', () => sts.say({ padding: 'x'.repeat(65_536) })],
      ['timed_out', () => (sts.respond = () => undefined)],
      ['unreachable', () => (sts.respond = (response) => void response.destroy())],
      ['unusable_answer', () => (sts.respond = (response) => void response.end(`<Arn>${whole}</Arn>`))],
      ['unusable_answer', () => sts.say({ Arn: whole, Account: ACCOUNT, UserId: 'x' })],
      ['unusable_answer', () => sts.say(null)],
      ['unusable_answer', () => sts.say(saying([whole]))],
      ['unusable_answer', () => sts.say(saying(whole, Number(ACCOUNT)))],
      ['unusable_answer', () => sts.say(saying(whole, '000000000000'))],
      ['unusable_answer', () => sts.say(saying(whole, ACCOUNT, ''))],
      ['unusable_answer', () => sts.say(saying(`${whole}\n`))],
      ['unusable_answer', () => sts.say(saying(`arn:aws-cn:sts::${ACCOUNT}:assumed-role/deployer/x`))],
    ];
    for (const [reason, respond] of cases) {
      respond();
      const from = latchkey.logs.length;
      const refusal = await login(identityId);
      expect([reason, refusal]).toEqual([reason, UNAVAILABLE]);
      expect(refusal.headers.get('retry-after')).toBe('5');
      expect(latchkey.logs.slice(from).join()).toContain(`sts_${reason}`);
    }
    sts.respond = undefined;
    expect((await login(identityId)).status).toBe(200);
  }, 30_000);

  it('is no reason to let in who is neither a user nor a role', async () => {
    const identityId = await attached({ allowedAccountIds: ACCOUNT });
    sts.say(saying(`arn:aws:iam::${ACCOUNT}:root`));
    expect(await login(identityId)).toEqual(denied('Access denied: AWS account root principals cannot use AWS Auth.'));
    sts.say(saying(`arn:aws:sts::${ACCOUNT}:federated-user/jane`));
    expect(await login(identityId)).toEqual(denied('Access denied: only users and roles of AWS can use AWS Auth.'));
    sts.say({ Error: { Code: 'IncompleteSignature' } }, 400);
    expect(await login(identityId)).toEqual(REJECTED);
  });
});

// Last, because another node takes the log over.
describe('a signed request that is sent again', () => {
  it('is good for one login, on every node and for every identity, whoever comes first', async () => {
    const [one, other] = [await attached(), await attached()];
    const node = await startLatchkey(
      { awsStsUrl: sts.url, authSecret: latchkey.authSecret },
      { isBootstrapped: false },
    );
    try {
      const sent = signedLogin(SESSION, { at: once() });
      const callers = [latchkey, node, latchkey, node, latchkey, node];
      const answers = await Promise.all(
        callers.map(({ anonymous }) => anonymous.post(LOGIN, { identityId: one, ...sent })),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ status }) => status !== 200)).toEqual(Array.from({ length: 5 }, () => REPLAYED));
      for (const { anonymous } of callers.slice(0, 2)) {
        expect(await anonymous.post(LOGIN, { identityId: other, ...sent })).toEqual(REPLAYED);
      }
    } finally {
      await node.stop();
    }
  });

  it('is still good if there was no token for it', async () => {
    const [one, other] = [await attached({ allowedAccountIds: '000000000000' }), await attached()];
    const sent = signedLogin(SESSION, { at: once() });
    expect((await latchkey.anonymous.post(LOGIN, { identityId: one, ...sent })).status).toBe(401);
    expect((await latchkey.anonymous.post(LOGIN, { identityId: other, ...sent })).status).toBe(200);
    expect(await latchkey.anonymous.post(LOGIN, { identityId: other, ...sent })).toEqual(REPLAYED);
  });

  it('is good for any number where the operator allows it', async () => {
    const identityId = await attached();
    const node = await startLatchkey({ awsStsUrl: sts.url, awsReplay: 'allow' }, { isBootstrapped: false });
    const sent = { identityId, ...signedLogin(SESSION, { at: once() }) };
    for (let n = 0; n < 2; n += 1) expect((await node.anonymous.post(LOGIN, sent)).status).toBe(200);
    await node.stop();
  });

  it('is known for its window and an hour, and no longer', async () => {
    const identityId = await attached();
    const count = async () => {
      const sql = 'SELECT count(*)::int AS n FROM latchkey.used_signed_requests';
      return (await latchkey.dataSource.query<[{ n: number }]>(sql))[0].n;
    };
    await latchkey.dataSource.query('TRUNCATE latchkey.used_signed_requests');
    const aged = (minutes: number) =>
      `INSERT INTO latchkey.used_signed_requests
       SELECT sha256(n::text::bytea || '${minutes}'), now() - interval '${minutes} minutes' FROM generate_series(1, 4) n`;
    await latchkey.dataSource.query(aged(61));
    await latchkey.dataSource.query(aged(59));
    for (const rest of [7, 6, 7]) {
      expect((await login(identityId)).status).toBe(200);
      expect(await count()).toBe(rest);
    }
  });
});
