import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { isObject } from '../../common/option-rules';

/** The permissions of a token itself: by subject the actions, such as `{ files: ['read'] }`. */
export type TokenPermissions = Readonly<Record<string, readonly string[]>>;

/**
 * Permissions as the database has them, where a change by hand may have left anything. A permission that cannot be read is not
 * skipped: those of a token say what it may not do, too. @throws UnreadableValueError
 */
export function readTokenPermissions(permissions: unknown): TokenPermissions | null {
  if (permissions === null) return null;
  if (!isObject(permissions) || !Object.values(permissions).every(isListOfTexts)) {
    throw new UnreadableValueError('the permissions of a token');
  }
  return Object.freeze(permissions) as TokenPermissions;
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
