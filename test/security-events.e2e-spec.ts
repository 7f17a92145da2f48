import { randomBytes } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import {
  type FailedLogin,
  LatchkeyModule,
  type LockedOut,
  LoginError,
  SecurityEvents,
  type SucceededLogin,
} from '../src';
import { refused } from './support/api-client';
import { BadgeAuthModule, TestDirectory } from './support/badge-auth';
import { done, type GivenClient } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const LOGIN = '/api/v1/auth/universal-auth/login';
const BADGE = '/api/v1/auth/badge-auth';
const KEY = randomBytes(16).toString('hex');
const AGENT = { 'user-agent': 'robot/7' };

const INVALID = refused(401, 'UnauthorizedError', 'Invalid credentials');
const UNRECORDED = refused(503, 'ServiceUnavailable', 'The login could not be recorded. Please try again.');

/** What a host keeps of events, and how it fails. */
@Injectable()
class Journal {
  readonly told: [string, object][] = [];
  fault: (() => Promise<void> | void) | undefined;

  async note(what: string, event: object): Promise<void> {
    this.told.push([what, event]);
    await this.fault?.();
  }
}

@Module({ providers: [Journal], exports: [Journal] })
class JournalModule {}

/** The events of a host: successes in its own table and in the transaction of the token, the rest in a journal. */
@Injectable()
class HostEvents extends SecurityEvents {
  constructor(private readonly journal: Journal) {
    super();
  }

  override async succeeded(tx: EntityManager, login: SucceededLogin): Promise<void> {
    await tx.query('INSERT INTO host_logins (token_id) VALUES ($1)', [login.tokenId]);
    await this.journal.note('succeeded', login);
  }

  override failed(login: FailedLogin): Promise<void> | void {
    if (this.journal.fault === throwing) throwing();
    return this.journal.note('failed', login);
  }

  override lockedOut(lockout: LockedOut): Promise<void> | void {
    if (this.journal.fault === throwing) throwing();
    return this.journal.note('lockedOut', lockout);
  }
}

function throwing(): void {
  throw new Error('the journal is full');
}
const rejecting = () => Promise.reject(new Error('the journal is away'));
const hanging = () => new Promise<void>(() => undefined);

let latchkey: TestLatchkey;
let directory: TestDirectory;
let journal: Journal;

beforeAll(async () => {
  directory = await TestDirectory.start(KEY, { ada: { password: 'right', team: '' } });
  const securityEvents = { useClass: HostEvents, imports: [JournalModule] };
  latchkey = await startLatchkey({ authMethods: [BadgeAuthModule], securityEvents });
  journal = latchkey.app.get(Journal, { strict: false });
  await latchkey.dataSource.query('CREATE TABLE IF NOT EXISTS host_logins (token_id uuid PRIMARY KEY)');
});
afterEach(() => {
  journal.told.length = 0;
  journal.fault = undefined;
});
afterAll(async () => {
  await latchkey.stop();
  await directory.stop();
});

const login = ({ clientId, clientSecret }: Pick<GivenClient, 'clientId' | 'clientSecret'>) =>
  latchkey.anonymous.post(LOGIN, { clientId, clientSecret }, AGENT);
const guess = ({ clientId }: GivenClient) => login({ clientId, clientSecret: randomBytes(8).toString('hex') });
const tokensOf = (identityId: string) =>
  latchkey.dataSource.query<{ id: string }[]>(
    'SELECT id FROM latchkey.identity_access_tokens WHERE identity_id = $1 ORDER BY created_at',
    [identityId],
  );
const recorded = async () =>
  (await latchkey.dataSource.query<{ id: string }[]>('SELECT token_id AS id FROM host_logins')).map(({ id }) => id);

describe('the security events of a host', () => {
  it('are told of logins that succeed and fail and of what locks, each with where the request came from', async () => {
    const client = await latchkey.given.client({ policy: { lockoutThreshold: 2 } });
    const { identityId, clientSecretId } = client;
    const answers = [await login(client), await guess(client), await guess(client), await login(client)];
    const [token] = await tokensOf(identityId);
    const origin = (n: number) => ({
      address: expect.stringMatching(/127\.0\.0\.1|::1/),
      requestId: answers[n]!.headers.get('x-request-id'),
      userAgent: 'robot/7',
    });
    const whom = { method: 'universal-auth', authMethodId: expect.any(String), identityId };
    const unknown = { ...whom, identityId: undefined };
    expect(journal.told).toEqual([
      ['succeeded', { ...whom, tokenId: token!.id, clientSecretId, ...origin(0) }],
      ['failed', { ...unknown, reason: 'credentials_invalid', ...origin(1) }],
      ['lockedOut', { method: 'universal-auth', authMethodId: expect.any(String), ...origin(2) }],
      ['failed', { ...unknown, reason: 'credentials_invalid', ...origin(2) }],
      ['failed', { ...whom, reason: 'locked_out', ...origin(3) }],
    ]);
    expect(JSON.stringify(journal.told)).not.toContain(client.clientSecret);
  });

  it('cut a user agent that is a novel', async () => {
    const headers = { 'user-agent': 'x'.repeat(5_000) };
    await latchkey.anonymous.post(LOGIN, { clientId: 'x', clientSecret: 'y' }, headers);
    expect(journal.told).toEqual([['failed', expect.objectContaining({ userAgent: 'x'.repeat(512) })]]);
  });

  it('write a success in the transaction of its token: both are there, or neither', async () => {
    const client = await latchkey.given.client();
    done(await login(client));
    const [{ id }] = (await tokensOf(client.identityId)) as [{ id: string }];
    expect(await recorded()).toContain(id);
    const before = await recorded();
    for (const fault of [throwing, rejecting]) {
      journal.fault = fault;
      const answer = await login(client);
      expect(answer).toEqual(UNRECORDED);
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    expect(await recorded()).toEqual(before);
    expect(await tokensOf(client.identityId)).toHaveLength(1);
    journal.fault = undefined;
    done(await login(client));
  });

  it('that do not come to an end refuse the login after a while, and hold no connection any longer', async () => {
    const client = await latchkey.given.client();
    journal.fault = hanging;
    expect(await Promise.all(Array.from({ length: 20 }, () => login(client)))).toEqual(
      Array.from({ length: 20 }, () => refused(503, 'ServiceUnavailable', expect.any(String))),
    );
    journal.fault = undefined;
    done(await login(client));
  });

  it('refuse a login in their own words', async () => {
    const client = await latchkey.given.client();
    journal.fault = () => {
      throw new LoginError('curfew', 'Not at this hour', { status: 403 });
    };
    expect(await login(client)).toEqual(refused(403, 'ForbiddenError', 'Not at this hour'));
    expect(journal.told.at(-1)).toEqual(['failed', expect.objectContaining({ reason: 'curfew' })]);
  });

  it('that fail cost a right login neither a use nor a guess', async () => {
    const client = await latchkey.given.client({ secret: { numUsesLimit: 1 } });
    const identityId = await latchkey.given.identity();
    const settings = { directoryUrl: directory.url, directoryKey: KEY };
    done(await latchkey.admin.post(`${BADGE}/identities/${identityId}`, settings));
    const badge = () => latchkey.anonymous.post(`${BADGE}/login`, { identityId, username: 'ada', password: 'right' });
    journal.fault = throwing;
    for (let i = 0; i < 4; i += 1) {
      expect(await login(client)).toEqual(UNRECORDED);
      expect(await badge()).toEqual(UNRECORDED);
    }
    journal.fault = undefined;
    done(await badge());
    done(await login(client));
  });

  it.each([
    ['throw', throwing],
    ['are rejected', rejecting],
    ['never end', hanging],
  ])('that are told of refusals and locks and %s change no answer', async (_, fault) => {
    const client = await latchkey.given.client({ policy: { lockoutThreshold: 1 } });
    journal.fault = fault;
    const before = latchkey.logs.length;
    expect(await guess(client)).toEqual(INVALID);
    expect((await login(client)).body.message).toContain('temporarily locked');
    expect(latchkey.logs.slice(before).join()).not.toContain(client.clientSecret);
  });

  it('that get lost are missed in the log', () => {
    expect(latchkey.logs.filter((line) => line.includes('security_event.lost')).length).toBeGreaterThan(0);
  });
});

describe('the option securityEvents', () => {
  const start = (securityEvents: unknown) => () =>
    LatchkeyModule.forRoot({ database: { url: 'postgres://localhost/x' }, authSecret: 'x', securityEvents } as never);

  it('takes a class that extends SecurityEvents, and nothing else', () => {
    expect(start({ useClass: HostEvents, imports: [JournalModule] })).not.toThrow();
    expect(start(undefined)).not.toThrow();
    for (const wrong of [null, HostEvents, { useClass: Journal }, {}, { useClass: HostEvents, imports: 1 }]) {
      expect(start(wrong)).toThrow('securityEvents must be');
    }
    expect(start({ useClass: HostEvents, useValue: 1 })).toThrow('securityEvents must be');
  });
});
