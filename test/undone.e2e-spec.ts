import { ChangeFeedService } from '../src/change-feed/change-feed.service';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const DETAILS = '/api/v1/identities/details';
const BOUND_MS = 300;

describe('a hand in the database', () => {
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    const database = { url: process.env.LATCHKEY_TEST_DATABASE!, pushUrl: false as const };
    latchkey = await startLatchkey({ revocationBoundMs: BOUND_MS, database });
  });
  afterAll(() => latchkey.stop());

  const sql = (text: string, parameters: unknown[] = []) => latchkey.dataSource.query<unknown[]>(text, parameters);
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const warm = async () => {
    const token = await latchkey.given.token();
    done(await token.api.get(DETAILS));
    return token;
  };
  const TOKENS = 'latchkey.identity_access_tokens';
  const REVOKE = `UPDATE ${TOKENS} SET revoked_at = now() WHERE id = $1`;

  const NOTING = ['note_update', 'note_delete', 'note_truncate'];
  const ALWAYS = [
    ...NOTING.map((name) => `ALTER TABLE ${TOKENS} ENABLE ALWAYS TRIGGER ${name};`),
    `ALTER TABLE ${TOKENS} ENABLE REPLICA TRIGGER note_replicated_delete;`,
  ].join('');
  const madeAs = async () => {
    const asked = `SELECT pg_get_triggerdef(oid) AS made FROM pg_trigger WHERE tgname = 'note_update' AND tgrelid = $1::regclass`;
    const [row] = (await sql(asked, [TOKENS])) as [{ made: string }];
    return row.made;
  };

  // Seen red: nothing noted the change, and the token was remembered for ever.
  it.each([
    ['are off', `ALTER TABLE ${TOKENS} DISABLE TRIGGER USER`],
    ['are gone', `DROP TRIGGER note_update ON ${TOKENS}`],
  ])('revokes within the bound while the triggers %s, and it is said', async (_, breaking) => {
    const token = await warm();
    const made = await madeAs();
    await sql(breaking);
    await pause(BOUND_MS);
    done(await token.api.get(DETAILS));
    await sql(REVOKE, [token.tokenId]);
    await pause(BOUND_MS);
    expect((await token.api.get(DETAILS)).status).toBe(401);
    expect(latchkey.logs.join()).toContain('database.changes_not_noted');
    if (breaking.startsWith('DROP')) await sql(made);
    await sql(`ALTER TABLE ${TOKENS} ENABLE TRIGGER USER`);
    await sql(ALWAYS);
    await latchkey.app.get(ChangeFeedService).catchUp();
  });

  it.each([
    [
      'with the triggers off, and on again',
      [`ALTER TABLE ${TOKENS} DISABLE TRIGGER USER`, REVOKE, `ALTER TABLE ${TOKENS} ENABLE TRIGGER USER`],
    ],
    ['as a replica does', [`SET LOCAL session_replication_role = 'replica'`, REVOKE]],
    ['by emptying what notes changes', [REVOKE, 'TRUNCATE latchkey.verdict_changes']],
  ])('revokes in one transaction %s', async (_, statements) => {
    const token = await warm();
    await latchkey.dataSource.transaction(async (tx) => {
      for (const statement of statements) await tx.query(statement, statement === REVOKE ? [token.tokenId] : []);
    });
    await pause(2 * BOUND_MS);
    expect((await token.api.get(DETAILS)).status).toBe(401);
  });

  // Seen red: a clock that ran ahead said of a token that lives that it had run out, and its removal was not noted.
  it('removes a token that the clock of the database says has run out', async () => {
    const token = await warm();
    await sql(`UPDATE ${TOKENS} SET expires_at = now() - interval '1 s' WHERE id = $1`, [token.tokenId]);
    const changeFeed = latchkey.app.get(ChangeFeedService);
    await changeFeed.catchUp();
    const before = changeFeed.changes.now;
    await sql(`DELETE FROM ${TOKENS} WHERE id = $1`, [token.tokenId]);
    await changeFeed.catchUp();
    expect(changeFeed.changes.now).toBeGreaterThan(before);
  });

  it('sets back what this node wrote last, and what it remembers is void, once', async () => {
    const changeFeed = latchkey.app.get(ChangeFeedService);
    await pause(2_500);
    const before = changeFeed.incarnation.lives;
    // Behind its own heartbeat, which writes the next one.
    await sql('UPDATE latchkey.nodes SET mark = mark - 1');
    await changeFeed.catchUp();
    expect(changeFeed.incarnation.lives).toBe(before + 1);
    await pause(2_500);
    await changeFeed.catchUp();
    expect(changeFeed.incarnation.lives).toBe(before + 1);
  });

  it('empties the table of tokens', async () => {
    const token = await warm();
    await sql(`TRUNCATE ${TOKENS}`);
    await pause(2 * BOUND_MS);
    expect((await token.api.get(DETAILS)).status).toBe(401);
  });
});
