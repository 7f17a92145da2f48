import { ObservationQueue } from '../../src/changes/observation.queue';
import { VerificationPools } from '../../src/database/connections/verification-pools';
import type { TestLatchkey } from './latchkey';

/** How many statements something sends to the database. The reads of the change feed are none of them. */
export async function statementsOf({ app, dataSource }: TestLatchkey, act: () => Promise<unknown>): Promise<number> {
  await app.get(ObservationQueue, { strict: false }).flush();
  const runner = dataSource.createQueryRunner();
  const prototype = Object.getPrototypeOf(runner) as { query: (...values: unknown[]) => Promise<unknown> };
  await runner.release();
  const sent = jest.spyOn(prototype, 'query');
  const verified = jest.spyOn(app.get(VerificationPools), 'query');
  try {
    await act();
    return sent.mock.calls.length + verified.mock.calls.length;
  } finally {
    sent.mockRestore();
    verified.mockRestore();
  }
}
