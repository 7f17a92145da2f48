import { ValidationFailureError } from '../common/errors/common.errors';

/** An identity has each label once. @throws ValidationFailureError that names every repeated key */
export function requireDistinctKeys(labels: readonly { readonly key: string }[] = []): void {
  const seen = new Set<string>();
  const repeated = labels.flatMap(({ key }, index) => (seen.size < seen.add(key).size ? [] : [index]));
  if (repeated.length === 0) return;
  const message = 'This key has a label already';
  throw new ValidationFailureError(
    repeated.map((index) => ({ code: 'custom', path: ['metadata', index, 'key'], message })),
  );
}
