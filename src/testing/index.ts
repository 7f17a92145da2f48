export { TestClock } from './test-clock';
export { startTestDatabase, type TestDatabase } from './test-database';
export type { RefusalCode } from '../access-tokens/issuing/access-tokens.errors';
export { LatchkeyTestKit, type TestToken, type TestTokenOptions } from './test-kit';
export { asCaller } from './as-caller';
export type { CallerFacts } from '../access-tokens/verification/caller';
export { LatchkeyTestingModule, type TestingOptions } from './latchkey-testing.module';
export { TestGate, type TokenRefusalCode } from './test-gate';
