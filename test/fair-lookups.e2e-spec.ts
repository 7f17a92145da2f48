import type { Party } from '../src/common/async/query-context';
import { DatabaseUnavailableError } from '../src/common/errors/common.errors';
import { VerificationPools } from '../src/database/connections/verification-pools';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const party = (group: string, member: string): Party => ({ group, member, isCrowd: false });

describe('the connections that verifications depend on', () => {
  let latchkey: TestLatchkey;
  beforeAll(async () => {
    latchkey = await startLatchkey();
  });
  afterAll(() => latchkey.stop());

  // Seen red: one line for all, a thousand long, and whoever came then was turned away.
  it.each(['query', 'write'] as const)(
    'keep no organization from its first uses, whatever another has waiting (%s)',
    async (way) => {
      const pools = latchkey.app.get(VerificationPools);
      const ask = (who: Party | undefined, sql: string) => pools[way](sql, [], who);
      const crowd = Array.from({ length: 1_500 }, (_, n) =>
        ask(party('flood', `member ${n % 700}`), 'SELECT pg_sleep(0.05)').then(
          () => 'answered',
          (error: unknown) => error,
        ),
      );
      const others = [party('quiet', 'one'), party('quiet', 'two'), undefined];
      const answers = await Promise.all(others.map((who) => ask(who, 'SELECT 1 AS one')));
      expect(answers).toEqual(others.map(() => [{ one: 1 }]));
      const outcomes = await Promise.all(crowd);
      expect(outcomes.filter((outcome) => outcome === 'answered').length).toBeGreaterThan(0);
      const refused = outcomes.filter((outcome) => outcome !== 'answered');
      expect(refused.every((error) => error instanceof DatabaseUnavailableError)).toBe(true);
    },
  );
});
