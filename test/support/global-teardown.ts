import type { TestDatabase } from '../../src/testing/test-database';

export default async function globalTeardown(): Promise<void> {
  await (globalThis as { latchkeyTestDatabase?: TestDatabase }).latchkeyTestDatabase?.stop();
}
