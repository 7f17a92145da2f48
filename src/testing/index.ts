export { TestClock } from './test-clock';
export { startTestDatabase, type TestDatabase } from './test-database';
export type { RefusalCode } from '../access-tokens/issuing/access-tokens.errors';
export { LatchkeyTestKit, type TestToken, type TestTokenOptions } from './test-kit';
