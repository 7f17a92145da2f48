import { ServerProcess } from './support/server-process';

jest.setTimeout(120_000);

const SECRET = 'Zk3q8vN1xR5tY7uB2mC4wE6hJ9pL0sD-aFgQiOzX';

describe('refuse-issued-before', () => {
  // Seen red: it ended with 0, and had said nothing.
  it('says on standard error what was done, and ends with 1, where standard output has no room', async () => {
    const env = { DATABASE_URL: process.env.LATCHKEY_TEST_DATABASE!, LATCHKEY_AUTH_SECRET: SECRET };
    const time = new Date().toISOString();
    const { code, stderr } = await new ServerProcess(env, ['refuse-issued-before', time], 'exec >/dev/full').ended;
    expect(stderr).toContain(`Tokens issued before ${time} are refused.`);
    expect(stderr).toContain('That is done, though standard output cannot be written to (ENOSPC).');
    expect(code).toBe(1);
  });
});
