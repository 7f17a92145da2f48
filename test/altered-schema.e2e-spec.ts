import { startLatchkey, type TestLatchkey } from './support/latchkey';

/** What the function of a hand's may do, in the place of noting something. */
const MISTAKES: [what: string, body: string][] = [
  ['raises something', `RAISE EXCEPTION 'not on a Saturday'`],
  ['divides by zero', 'PERFORM 1 / (SELECT 0)'],
  ['writes into a column that takes no null', 'INSERT INTO public.notes VALUES (NULL)'],
  ['breaks a constraint that is named like those of Latchkey', 'INSERT INTO public.notes VALUES (1), (1)'],
  ['says what is no statement', `EXECUTE 'SELEKT'`],
  ['says a code of its own', `RAISE EXCEPTION USING ERRCODE = '22000'`],
];

const IDENTITIES = 'ALTER TABLE latchkey.identities';
/** Columns of Latchkey's tables that an operator added, and how they are taken back. */
const COLUMNS: [what: string, change: string, back: string][] = [
  [
    'added, and must be filled',
    `ADD owner text NOT NULL DEFAULT 'ops'; ${IDENTITIES} ALTER owner DROP DEFAULT`,
    'DROP owner',
  ],
  [
    'added as a number, and is too narrow',
    `ADD seconds smallint GENERATED ALWAYS AS (CASE name WHEN 'longer' THEN 70000 END) STORED`,
    'DROP seconds',
  ],
  [
    'added as a text, and is too short',
    `ADD start varchar(1) GENERATED ALWAYS AS (CASE name WHEN 'longer' THEN name END) STORED`,
    'DROP start',
  ],
];

describe('in a schema that the operator changed', () => {
  let latchkey: TestLatchkey;
  beforeAll(async () => {
    latchkey = await startLatchkey();
    await sql('CREATE TABLE public.notes (number integer CONSTRAINT pk_notes PRIMARY KEY)');
  });
  afterAll(() => latchkey.stop());
  const sql = (text: string) => latchkey.dataSource.query(text);

  async function expectToBeTriedAgain(): Promise<void> {
    const body = { name: 'longer', organizationId: latchkey.given.organizationId };
    const answer = await latchkey.admin.post('/api/v1/identities', body);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
  }

  // Seen red: 500, and a stack trace each.
  it.each(MISTAKES)('a trigger that %s keeps Latchkey from changing something: 503', async (_, body) => {
    await sql(`CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$`);
    await sql('CREATE TRIGGER noting BEFORE INSERT ON latchkey.identities FOR EACH ROW EXECUTE FUNCTION public.note()');
    await expectToBeTriedAgain().finally(() => sql('DROP FUNCTION public.note CASCADE'));
  });

  // Seen red: 500.
  it.each(COLUMNS)('a column that was %s, keeps Latchkey from changing something: 503', async (_, change, back) => {
    await sql(`${IDENTITIES} ${change}`);
    await expectToBeTriedAgain().finally(() => sql(`${IDENTITIES} ${back}`));
  });
});
