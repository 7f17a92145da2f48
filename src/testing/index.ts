export { TestClock } from './test-clock';
export { startTestDatabase, type TestDatabase } from './test-database';
export { LatchkeyTestKit, type RefusalCode, type TestToken, type TestTokenOptions } from './test-kit';
