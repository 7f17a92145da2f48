import { isWellFormed } from '../common/dto/rules';
import { ValidationFailureError } from '../common/errors/common.errors';
import { isId } from '../common/ids';
import type { Walk } from './project-members.service';

export interface NameOrder {
  readonly orderDirection?: 'asc' | 'desc';
  readonly cursor?: string;
}

/** Members in the order of their names; equal names in the order of their ids. */
export function byName({ orderDirection, cursor }: NameOrder): Walk {
  const [direction, operator] = orderDirection === 'desc' ? ['DESC', '<'] : ['ASC', '>'];
  return {
    order: `i.name ${direction}, i.id ${direction}`,
    behind:
      cursor === undefined ? undefined : { sql: `(i.name, i.id) ${operator} ($1, $2::uuid)`, values: placeIn(cursor) },
    cursorOf: ({ identity }) => Buffer.from(JSON.stringify([identity.name, identity.id])).toString('base64url'),
  };
}

/** Typed values, so that nothing in a cursor can reach a statement as text. @throws ValidationFailureError */
function placeIn(cursor: string): [name: string, id: string] {
  const [name, id] = parsed(Buffer.from(cursor, 'base64url').toString());
  const isText = typeof name === 'string' && isWellFormed(name) && !name.includes('\0');
  if (isText && typeof id === 'string' && isId(id)) return [name, id];
  throw new ValidationFailureError([
    { code: 'invalid_string', path: ['cursor'], message: 'Not a cursor of this list in this order' },
  ]);
}

function parsed(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
