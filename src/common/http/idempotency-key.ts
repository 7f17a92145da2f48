import { isWellFormed } from '../dto/rules';
import { ValidationFailureError } from '../errors/common.errors';

const LONGEST = 255;

/** The header `Idempotency-Key`, as the document describes it. */
export const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  description: `Tells a repeated call from another one: 1 to ${LONGEST} characters.`,
  required: false,
  schema: { type: 'string', minLength: 1, maxLength: LONGEST },
} as const;

/** An empty header is a mistake of the caller's, who believes to be safe. @throws ValidationFailureError */
export function requireIdempotencyKey(key: string | undefined): void {
  if (key === undefined || (key.length >= 1 && key.length <= LONGEST && isWellFormed(key))) return;
  const message = `Expected text of 1 to ${LONGEST} characters`;
  throw new ValidationFailureError([{ code: 'custom', path: [IDEMPOTENCY_KEY.name], message }]);
}
