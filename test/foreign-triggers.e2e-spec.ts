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

describe('a trigger of the operator that', () => {
  let latchkey: TestLatchkey;
  beforeAll(async () => {
    latchkey = await startLatchkey();
    await sql('CREATE TABLE public.notes (number integer CONSTRAINT pk_notes PRIMARY KEY)');
  });
  afterAll(() => latchkey.stop());
  const sql = (text: string) => latchkey.dataSource.query(text);

  // Seen red: 500, and a stack trace each.
  it.each(MISTAKES)('%s keeps Latchkey from changing something: 503, to be tried again', async (_, body) => {
    await sql(`CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$`);
    await sql('CREATE TRIGGER noting BEFORE INSERT ON latchkey.identities FOR EACH ROW EXECUTE FUNCTION public.note()');
    try {
      const body = { name: 'x', organizationId: latchkey.given.organizationId };
      const answer = await latchkey.admin.post('/api/v1/identities', body);
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
    } finally {
      await sql('DROP FUNCTION public.note CASCADE');
    }
  });
});
